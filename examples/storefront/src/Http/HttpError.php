<?php

declare(strict_types=1);

namespace Storefront\Http;

/** An answer that is not the one hoped for, with words for the person who asked. */
final class HttpError extends \RuntimeException
{
    public function __construct(public readonly int $status, string $message)
    {
        parent::__construct($message);
    }

    public static function notFound(): self
    {
        return new self(404, 'There is nothing here.');
    }
}
