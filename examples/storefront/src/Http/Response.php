<?php

declare(strict_types=1);

namespace Storefront\Http;

final readonly class Response
{
    /** @param array<string, string> $headers */
    public function __construct(
        public int $status,
        public string $body,
        public array $headers = [],
    ) {
    }

    public static function html(string $body, int $status = 200): self
    {
        return new self($status, $body, ['Content-Type' => 'text/html; charset=utf-8']);
    }

    /** @param array<string, mixed> $data */
    public static function json(array $data, int $status = 200): self
    {
        $flags = JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE;

        return new self($status, json_encode($data, $flags) . "\n", ['Content-Type' => 'application/json']);
    }

    /** To a page, after a form: reloading that page sends nothing twice. */
    public static function seeOther(string $path): self
    {
        return new self(303, '', ['Location' => $path]);
    }

    public function with(string $header, string $value): self
    {
        return new self($this->status, $this->body, [...$this->headers, $header => $value]);
    }

    public function send(): void
    {
        http_response_code($this->status);
        foreach ($this->headers as $name => $value) {
            header("$name: $value");
        }
        echo $this->body;
    }
}
