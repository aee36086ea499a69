<?php

declare(strict_types=1);

namespace Storefront\Page;

use Storefront\Files;
use Storefront\Http\Request;
use Storefront\Http\Response;
use Storefront\Shop;

/** Pages for those who watch a deployment: who answers, and what it can and cannot do. */
final readonly class Diagnostics
{
    private const MOUNTS = ['var', 'app/etc', 'pub/media', 'pub/static'];
    private const LONGEST_MS = 120_000;

    public function __construct(private Shop $shop)
    {
    }

    public function whoami(Request $request): Response
    {
        $paths = ['.' => Files::probe($this->shop->root), '/tmp' => Files::probe('/tmp')];
        foreach (self::MOUNTS as $mount) {
            $paths[$mount] = Files::probe($this->shop->path($mount));
        }

        return Response::json([
            'release' => $this->shop->release()->marker(),
            'tree' => getenv('MAGENTO_CLOUD_TREE_ID') ?: null,
            'environment' => getenv('MAGENTO_CLOUD_ENVIRONMENT') ?: null,
            'host' => gethostname(),
            'pid' => getmypid(),
            'user' => posix_getpwuid(posix_geteuid())['name'] ?? posix_geteuid(),
            'php' => PHP_VERSION,
            'paths' => $paths,
        ]);
    }

    /** Takes ?ms= milliseconds: a request to be in flight while a deployment begins. */
    public function slow(Request $request): Response
    {
        $ms = max(0, min((int) ($request->query['ms'] ?? 1000), self::LONGEST_MS));
        usleep($ms * 1000);

        return Response::json(['slept_ms' => $ms, 'release' => $this->shop->release()->marker(), 'pid' => getmypid()]);
    }
}
