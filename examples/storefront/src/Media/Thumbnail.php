<?php

declare(strict_types=1);

namespace Storefront\Media;

/** A picture cut to a square of one of the widths that the shop uses. */
final readonly class Thumbnail
{
    public const SMALL = 480;
    public const LARGE = 960;

    private const PATH = '#^/media/cache/(?<width>480|960)/(?<photo>uploads/[0-9a-f]{2}/[0-9a-f]{32}\.(?<format>png|jpg|gif|webp))$#D';

    private function __construct(private string $photo, private int $width, private string $format)
    {
    }

    public static function url(string $photo, int $width): string
    {
        return "/media/cache/$width/$photo";
    }

    /** Null when the URL is not a thumbnail's. */
    public static function fromUrl(string $path): ?self
    {
        return preg_match(self::PATH, $path, $part) === 1
            ? new self($part['photo'], (int) $part['width'], $part['format'])
            : null;
    }

    public function type(): string
    {
        return $this->format === 'jpg' ? 'image/jpeg' : "image/$this->format";
    }

    /** @return string|null the content; null when there is no such photo */
    public function make(string $media): ?string
    {
        $content = @file_get_contents("$media/$this->photo");
        $photo = $content === false ? false : @imagecreatefromstring($content);

        return $photo === false ? null : $this->cut($photo);
    }

    private function cut(\GdImage $photo): string
    {
        [$width, $height] = [imagesx($photo), imagesy($photo)];
        $side = min($width, $height);
        $square = imagecreatetruecolor($this->width, $this->width);
        imagefill($square, 0, 0, (int) imagecolorallocate($square, 255, 255, 255));
        imagecopyresampled(
            $square, $photo,
            0, 0, intdiv($width - $side, 2), intdiv($height - $side, 2),
            $this->width, $this->width, $side, $side,
        );
        ob_start();
        // The format of the photo: the web server tells the type by the name's ending.
        match ($this->format) {
            'png' => imagepng($square),
            'gif' => imagegif($square),
            'webp' => imagewebp($square, null, 82),
            'jpg' => imagejpeg($square, null, 82),
        };

        return (string) ob_get_clean();
    }
}
