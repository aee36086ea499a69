<?php

declare(strict_types=1);

namespace Storefront\Page;

use Storefront\Http\HttpError;
use Storefront\Http\Request;
use Storefront\Http\Response;
use Storefront\Sales\Cart;
use Storefront\Sales\Line;
use Storefront\Shop;
use Storefront\View;

final readonly class CartPage
{
    public function __construct(private Shop $shop, private View $view)
    {
    }

    public function show(Request $request): Response
    {
        $lines = $this->cart()->lines($this->shop->products());
        if (!$request->wantsPage()) {
            return Response::json($this->summary($lines));
        }

        return Response::html($this->view->page('cart', 'Your cart', [
            'lines' => $lines,
            'total' => Line::sum($lines),
            // Sent along with the order, so that sending the form twice orders once.
            'reference' => bin2hex(random_bytes(12)),
        ]));
    }

    /** Fields: sku; add (how many more) or quantity (how many altogether). */
    public function change(Request $request): Response
    {
        $product = $this->shop->products()->find($request->field('sku'));
        if ($product === null) {
            throw new HttpError(422, 'There is no such product.');
        }
        $cart = $this->cart();
        if ($request->field('quantity') !== '') {
            $cart->put($product->sku, (int) $request->field('quantity'));
        } else {
            $cart->add($product->sku, (int) ($request->field('add') ?: 1));
        }

        return $request->wantsPage()
            ? Response::seeOther('/cart')
            : Response::json($this->summary($cart->lines($this->shop->products())));
    }

    private function cart(): Cart
    {
        return new Cart($this->shop->session());
    }

    /** @param list<Line> $lines */
    private function summary(array $lines): array
    {
        return [
            'lines' => array_map(
                static fn (Line $line): array => ['sku' => $line->product->sku, 'quantity' => $line->quantity],
                $lines,
            ),
            'total_cents' => Line::sum($lines)->cents,
        ];
    }
}
