<?php

declare(strict_types=1);

namespace Storefront;

/** Which build of the shop this is. */
final readonly class Release
{
    public function __construct(private string $root)
    {
    }

    /** The marker that every page and every answer carries. */
    public function marker(): string
    {
        return $this->line('version.txt') ?? 'unbuilt';
    }

    /** Records the marker; only the build can, the deployed tree is read-only. */
    public function record(string $treeId): string
    {
        $marker = $treeId === '' ? 'local' : substr($treeId, 0, 12);
        Files::write("$this->root/version.txt", "$marker\n");

        return $marker;
    }

    /** Changes with the content of the static files, and only then. */
    public function staticVersion(): string
    {
        return $this->line('init/pub/static/deployed_version.txt') ?? '0';
    }

    private function line(string $file): ?string
    {
        $text = @file_get_contents("$this->root/$file");

        return $text === false ? null : trim($text);
    }
}
