<?php

declare(strict_types=1);

namespace Storefront\Http;

use Storefront\Page\CartPage;
use Storefront\Page\CataloguePage;
use Storefront\Page\Diagnostics;
use Storefront\Page\MediaUpload;
use Storefront\Page\OrderPage;
use Storefront\Shop;
use Storefront\View;

/** From a request to a response, whatever happens on the way. */
final readonly class Kernel
{
    private View $view;

    public function __construct(private Shop $shop)
    {
        $this->view = new View($shop);
    }

    public function handle(Request $request): Response
    {
        return $this->answer($request)
            ->with('X-Release', $this->shop->release()->marker())
            ->with('Cache-Control', 'private, no-store');
    }

    private function answer(Request $request): Response
    {
        if ($this->shop->maintenance()->isOn()) {
            return Response::html($this->view->bare('maintenance'), 503)->with('Retry-After', '30');
        }
        try {
            return $this->router()->answer($request);
        } catch (HttpError $e) {
            return $this->failure($request, $e->status, $e->getMessage());
        } catch (\Throwable $e) {
            error_log("$request->method $request->path: $e");

            return $this->failure($request, 500, 'Something broke on our side. Please try again.');
        }
    }

    private function router(): Router
    {
        $catalogue = new CataloguePage($this->shop, $this->view);
        $cart = new CartPage($this->shop, $this->view);
        $order = new OrderPage($this->shop, $this->view);
        $media = new MediaUpload($this->shop);
        $diagnostics = new Diagnostics($this->shop);

        return (new Router())
            ->add('GET', '/', $catalogue->front(...))
            ->add('GET', '/index.php', $catalogue->front(...))
            ->add('GET', '/products/{sku}', $catalogue->product(...))
            ->add('GET', '/cart', $cart->show(...))
            ->add('POST', '/cart', $cart->change(...))
            ->add('POST', '/orders', $order->place(...))
            ->add('GET', '/orders/count', $order->count(...))
            ->add('GET', '/orders/{reference}', $order->show(...))
            ->add('POST', '/uploads', $media->store(...))
            ->add('GET', '/whoami', $diagnostics->whoami(...))
            ->add('GET', '/slow', $diagnostics->slow(...));
    }

    private function failure(Request $request, int $status, string $message): Response
    {
        return $request->wantsPage()
            ? Response::html($this->view->bare('error', ['status' => $status, 'message' => $message]), $status)
            : Response::json(['error' => $message], $status);
    }
}
