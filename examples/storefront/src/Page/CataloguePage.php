<?php

declare(strict_types=1);

namespace Storefront\Page;

use Storefront\Http\HttpError;
use Storefront\Http\Request;
use Storefront\Http\Response;
use Storefront\Shop;
use Storefront\View;

final readonly class CataloguePage
{
    public function __construct(private Shop $shop, private View $view)
    {
    }

    public function front(Request $request): Response
    {
        $products = $this->shop->products()->all();

        return Response::html($this->view->page('front', 'Goods for wet days', ['products' => $products]));
    }

    public function product(Request $request, string $sku): Response
    {
        $product = $this->shop->products()->find($sku) ?? throw HttpError::notFound();

        return Response::html($this->view->page('product', $product->name, ['product' => $product]));
    }
}
