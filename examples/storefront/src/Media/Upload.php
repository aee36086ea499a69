<?php

declare(strict_types=1);

namespace Storefront\Media;

use Storefront\Files;
use Storefront\Http\HttpError;

/** Stores pictures under the hash of their content: the same one twice is one file. */
final readonly class Upload
{
    private const EXTENSIONS = [
        'image/png' => 'png',
        'image/jpeg' => 'jpg',
        'image/gif' => 'gif',
        'image/webp' => 'webp',
    ];

    /** @param string $media the directory of the mount */
    public function __construct(private string $media)
    {
    }

    /** @return string the path below the media directory */
    public function store(string $file): string
    {
        $type = (string) (new \finfo(FILEINFO_MIME_TYPE))->file($file);
        // What the content is, not what the client calls it.
        $extension = self::EXTENSIONS[$type] ?? throw new HttpError(415, 'Only PNG, JPEG, GIF and WebP pictures.');
        $content = (string) file_get_contents($file);
        $hash = hash('sha256', $content);
        $path = 'uploads/' . substr($hash, 0, 2) . '/' . substr($hash, 0, 32) . ".$extension";
        Files::write("$this->media/$path", $content);

        return $path;
    }
}
