<?php

declare(strict_types=1);

namespace Storefront;

/** Writing files that others may be reading. */
final class Files
{
    /** Readers see the old content or the new, never half of it. */
    public static function write(string $path, string $content): void
    {
        self::makeDirectory(dirname($path));
        $draft = $path . '.' . bin2hex(random_bytes(4));
        if (@file_put_contents($draft, $content) !== strlen($content)) {
            $reason = self::lastError();
            @unlink($draft);
            throw new \RuntimeException("Cannot write $path: $reason");
        }
        rename($draft, $path);
    }

    public static function makeDirectory(string $path): void
    {
        if (!is_dir($path) && !@mkdir($path, 0755, true) && !is_dir($path)) {
            throw new \RuntimeException("Cannot make the directory $path: " . self::lastError());
        }
    }

    /** @return list<string> paths of all files below a directory, relative to it, sorted */
    public static function below(string $directory): array
    {
        if (!is_dir($directory)) {
            return [];
        }
        $files = [];
        $tree = new \RecursiveDirectoryIterator($directory, \FilesystemIterator::SKIP_DOTS);
        foreach (new \RecursiveIteratorIterator($tree) as $file) {
            $files[] = substr($file->getPathname(), strlen($directory) + 1);
        }
        sort($files);

        return $files;
    }

    /** "writable", or the reason why a directory is not ("Read-only file system"). */
    public static function probe(string $directory): string
    {
        $file = "$directory/.probe-" . bin2hex(random_bytes(4));
        if (@file_put_contents($file, '') === false) {
            return self::lastError();
        }
        unlink($file);

        return 'writable';
    }

    /** The system's own words, without PHP's in front. */
    private static function lastError(): string
    {
        $message = error_get_last()['message'] ?? 'unknown reason';

        return substr($message, (int) strrpos(": $message", ': '));
    }
}
