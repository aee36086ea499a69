<?php

declare(strict_types=1);

namespace Storefront\Media;

use Storefront\Catalog\Product;

/** The picture of a product that has no photo: hills, weather and water, never the same twice. */
final readonly class Drawing
{
    private const PATH = '#^/media/product/(?<sku>[a-z0-9-]{1,64})\.svg$#D';
    private const SIDE = 480;

    public static function url(string $sku): string
    {
        return "/media/product/$sku.svg";
    }

    /** @return string|null the SKU; null when the URL is not a drawing's */
    public static function skuOf(string $path): ?string
    {
        return preg_match(self::PATH, $path, $part) === 1 ? $part['sku'] : null;
    }

    public function make(Product $product): string
    {
        // The same SKU always gives the same picture.
        $dice = new \Random\Randomizer(new \Random\Engine\Mt19937(crc32($product->sku)));
        $side = self::SIDE;
        $sky = "hsl($product->hue 42% 88%)";
        $sun = sprintf(
            '<circle cx="%d" cy="%d" r="%d" fill="hsl(%d 70%% 72%%)"/>',
            $dice->getInt(110, 370), $dice->getInt(110, 180), $dice->getInt(46, 84), ($product->hue + 160) % 360,
        );
        $waves = '';
        foreach ([74, 62, 50, 38] as $depth => $lightness) {
            $waves .= $this->wave($dice, 210 + $depth * 62, "hsl($product->hue 38% $lightness%)");
        }
        $name = htmlspecialchars($product->name, ENT_XML1 | ENT_QUOTES);

        return <<<SVG
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $side $side" role="img" aria-label="$name">
            <rect width="$side" height="$side" fill="$sky"/>
            $sun
            $waves</svg>

            SVG;
    }

    private function wave(\Random\Randomizer $dice, int $level, string $colour): string
    {
        $side = self::SIDE;
        $path = "M0 $level";
        for ($x = 0; $x < $side; $x += 160) {
            $path .= sprintf(' q40 %d 80 0 t80 0', $dice->getInt(-44, 44));
        }

        return "<path d=\"$path V$side H0Z\" fill=\"$colour\"/>\n";
    }
}
