<?php

declare(strict_types=1);

namespace Storefront\Page;

use Storefront\Http\HttpError;
use Storefront\Http\Request;
use Storefront\Http\Response;
use Storefront\Media\Upload;
use Storefront\Shop;

/**
 * Takes a picture into the media mount. A real shop would ask who is sending it.
 *
 * Its address is not below /media: that location of .magento.app.yaml belongs to files.
 */
final readonly class MediaUpload
{
    public function __construct(private Shop $shop)
    {
    }

    /** Fields: file (PNG, JPEG, GIF or WebP); sku (optional: the product that it shows). */
    public function store(Request $request): Response
    {
        $file = $request->files['file'] ?? null;
        if ($file === null || !is_string($file['tmp_name']) || $file['error'] !== UPLOAD_ERR_OK) {
            throw new HttpError(422, 'Send a picture of at most ' . ini_get('upload_max_filesize') . ' as "file".');
        }
        $sku = $request->field('sku');
        if ($sku !== '' && $this->shop->products()->find($sku) === null) {
            throw new HttpError(422, 'There is no such product.');
        }
        $path = (new Upload($this->shop->path('pub/media')))->store($file['tmp_name']);
        if ($sku !== '') {
            $this->shop->storedProducts()->setPhoto($sku, $path);
            $this->shop->products()->forget();
        }

        return $request->wantsPage() && $sku !== ''
            ? Response::seeOther("/products/$sku")
            : Response::json(['url' => "/media/$path"], 201)->with('Location', "/media/$path");
    }
}
