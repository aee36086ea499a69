<?php

declare(strict_types=1);

/**
 * Makes a picture that /media does not have yet and stores it in the mount, so that the
 * web server finds it the next time.
 */

use Storefront\Files;
use Storefront\Http\Request;
use Storefront\Media\Drawing;
use Storefront\Media\Thumbnail;
use Storefront\Shop;

require __DIR__ . '/../vendor/autoload.php';

$shop = new Shop(dirname(__DIR__));
$path = Request::pathOf($_SERVER['REQUEST_URI']);
$content = null;

if (($thumbnail = Thumbnail::fromUrl($path)) !== null) {
    $type = $thumbnail->type();
    $content = $thumbnail->make($shop->path('pub/media'));
} elseif (($sku = Drawing::skuOf($path)) !== null) {
    $type = 'image/svg+xml';
    $product = $shop->products()->find($sku);
    $content = $product === null ? null : (new Drawing())->make($product);
}

if ($content === null) {
    http_response_code(404);
    header('Content-Type: text/plain; charset=utf-8');
    exit("There is no such picture.\n");
}

Files::write($shop->path("pub$path"), $content);
header("Content-Type: $type");
header('Cache-Control: max-age=31536000');
echo $content;
