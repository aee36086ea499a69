<?php

declare(strict_types=1);

namespace Storefront\Deploy;

use Storefront\Catalog\Products;

/** The list of pages for search engines. It is kept in the media mount; a rule offers it at the root. */
final readonly class Sitemap
{
    public function __construct(private Products $products, private string $baseUrl)
    {
    }

    public function xml(): string
    {
        $urls = [$this->baseUrl . '/'];
        foreach ($this->products->all() as $product) {
            $urls[] = "$this->baseUrl/products/$product->sku";
        }
        $entries = array_map(
            static fn (string $url): string => '<url><loc>' . htmlspecialchars($url, ENT_XML1) . "</loc></url>\n",
            $urls,
        );

        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            . "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n" . implode($entries) . "</urlset>\n";
    }

    /** The URL of the primary route in MAGENTO_CLOUD_ROUTES, without the slash at its end; "" if there is none. */
    public static function baseUrl(string $encodedRoutes): string
    {
        $routes = json_decode((string) base64_decode($encodedRoutes, true), true);
        if (!is_array($routes) || $routes === []) {
            return '';
        }
        $primary = array_filter($routes, static fn (mixed $route): bool => (bool) ($route['primary'] ?? false));

        return rtrim((string) (array_key_first($primary) ?? array_key_first($routes)), '/');
    }
}
