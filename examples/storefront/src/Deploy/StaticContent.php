<?php

declare(strict_types=1);

namespace Storefront\Deploy;

use Storefront\Files;

/**
 * Static files. The mount pub/static does not exist while building, so the build puts them under
 * init/ and the deployment copies them into the mount.
 */
final readonly class StaticContent
{
    private const VERSION = 'deployed_version.txt';

    public function __construct(private string $root)
    {
    }

    /** @return string the version: a number that changes with the content and only then */
    public function build(): string
    {
        $hash = hash_init('crc32b');
        foreach (Files::below("$this->root/assets") as $file) {
            $content = (string) file_get_contents("$this->root/assets/$file");
            $content = str_ends_with($file, '.css') ? self::minify($content) : $content;
            hash_update($hash, "$file\0$content\0");
            Files::write("$this->root/init/pub/static/$file", $content);
        }
        $version = (string) hexdec(hash_final($hash));
        Files::write("$this->root/init/pub/static/" . self::VERSION, "$version\n");

        return $version;
    }

    /** @return int how many files the mount has now */
    public function deploy(): int
    {
        $files = Files::below("$this->root/init/pub/static");
        foreach ($files as $file) {
            Files::write("$this->root/pub/static/$file", (string) file_get_contents("$this->root/init/pub/static/$file"));
        }
        foreach (array_diff(Files::below("$this->root/pub/static"), $files) as $stale) {
            unlink("$this->root/pub/static/$stale");
        }

        return count($files);
    }

    public static function minify(string $css): string
    {
        $css = preg_replace('#/\*.*?\*/#s', '', $css);
        $css = preg_replace('/\s+/', ' ', (string) $css);

        return trim((string) preg_replace('/ ?([{};,]) ?/', '$1', (string) $css)) . "\n";
    }
}
