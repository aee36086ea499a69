<?php

declare(strict_types=1);

namespace Storefront\Page;

use Storefront\Http\HttpError;
use Storefront\Http\Request;
use Storefront\Http\Response;
use Storefront\Queue\QueueUnavailable;
use Storefront\Sales\Cart;
use Storefront\Sales\Line;
use Storefront\Sales\Orders;
use Storefront\Shop;
use Storefront\View;

final readonly class OrderPage
{
    public function __construct(private Shop $shop, private View $view)
    {
    }

    /**
     * Fields: reference (chosen by the client; or the header Idempotency-Key), and sku with
     * quantity. Without a sku the visitor's cart is ordered and emptied.
     * Answers 201 for a new order, 200 for one that was placed before.
     */
    public function place(Request $request): Response
    {
        $reference = $request->field('reference') ?: $request->header('idempotency-key');
        if (preg_match(Orders::REFERENCE, $reference) !== 1) {
            throw new HttpError(422, 'An order needs a reference: 8 to 64 letters, digits, "-" or "_".');
        }
        $orders = $this->shop->orders();
        $created = $orders->find($reference) === null && $orders->place($reference, $this->lines($request));
        if ($created) {
            $this->announce($orders, $reference);
        }

        return $request->wantsPage()
            ? Response::seeOther("/orders/$reference")
            : Response::json($orders->find($reference)->toArray(), $created ? 201 : 200);
    }

    public function show(Request $request, string $reference): Response
    {
        $order = $this->shop->orders()->find($reference) ?? throw HttpError::notFound();

        return $request->wantsPage()
            ? Response::html($this->view->page('order', 'Thank you', ['order' => $order]))
            : Response::json($order->toArray());
    }

    public function count(Request $request): Response
    {
        return Response::json($this->shop->orders()->count());
    }

    /** @return list<Line> */
    private function lines(Request $request): array
    {
        if ($request->field('sku') !== '') {
            return [$this->line($request)];
        }
        $cart = new Cart($this->shop->session());
        $lines = $cart->lines($this->shop->products());
        if ($lines === []) {
            throw new HttpError(422, 'Your cart is empty.');
        }
        $cart->clear();

        return $lines;
    }

    private function line(Request $request): Line
    {
        $product = $this->shop->products()->find($request->field('sku'));
        if ($product === null) {
            throw new HttpError(422, 'There is no such product.');
        }
        try {
            return new Line($product, (int) ($request->field('quantity') ?: 1));
        } catch (\InvalidArgumentException $e) {
            throw new HttpError(422, $e->getMessage());
        }
    }

    /** The order is safe in the database; if the queue is away, the cron job tells it later. */
    private function announce(Orders $orders, string $reference): void
    {
        try {
            $this->shop->broker()->publish(Shop::ORDERS_PLACED, ['reference' => $reference]);
            $orders->markAnnounced($reference);
        } catch (QueueUnavailable $e) {
            error_log("order $reference: {$e->getMessage()}");
        }
    }
}
