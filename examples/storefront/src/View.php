<?php

declare(strict_types=1);

namespace Storefront;

use Storefront\Catalog\Product;
use Storefront\Media\Drawing;
use Storefront\Media\Thumbnail;
use Storefront\Sales\Cart;

/** Templates are PHP files in templates/. They see their own variables and $view, no more. */
final readonly class View
{
    public function __construct(private Shop $shop)
    {
    }

    /** A page inside the shop's layout. */
    public function page(string $template, string $title, array $variables = []): string
    {
        return $this->bare('layout', [
            'title' => $title,
            'content' => $this->bare($template, $variables),
            'cartCount' => Cart::countIfKnown($this->shop->session()),
        ]);
    }

    /** A template alone, which must not need any service. */
    public function bare(string $template, array $variables = []): string
    {
        $render = static function (string $file, self $view, array $variables): string {
            extract($variables, EXTR_SKIP);
            ob_start();
            require $file;

            return (string) ob_get_clean();
        };

        return $render($this->shop->path("templates/$template.phtml"), $this, $variables);
    }

    /** Text into HTML. Everything that is not markup goes through here. */
    public function e(string|\Stringable|int $text): string
    {
        return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE);
    }

    /** The URL of a static file; browsers may keep what it names for ever. */
    public function asset(string $file): string
    {
        return "/static/version{$this->shop->release()->staticVersion()}/$file";
    }

    public function shopName(): string
    {
        return getenv('SHOP_NAME') ?: 'Millrace';
    }

    public function release(): string
    {
        return $this->shop->release()->marker();
    }

    /** A product's photo, or the drawing in its place. */
    public function picture(Product $product, int $width): string
    {
        return $product->photo === null ? Drawing::url($product->sku) : Thumbnail::url($product->photo, $width);
    }
}
