<?php

declare(strict_types=1);

namespace Storefront\Http;

final readonly class Request
{
    /**
     * @param array<string, string> $query
     * @param array<string, mixed> $form fields of the body, from a form or from JSON
     * @param array<string, array<string, mixed>> $files as PHP gives them
     * @param array<string, string> $headers names in lower case
     */
    public function __construct(
        public string $method,
        public string $path,
        public array $query = [],
        public array $form = [],
        public array $files = [],
        public array $headers = [],
    ) {
    }

    public static function fromGlobals(): self
    {
        $headers = [];
        foreach ($_SERVER as $name => $value) {
            if (str_starts_with($name, 'HTTP_')) {
                $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = (string) $value;
            }
        }

        return new self(
            method: $_SERVER['REQUEST_METHOD'] ?? 'GET',
            path: self::pathOf($_SERVER['REQUEST_URI'] ?? '/'),
            query: array_filter($_GET, is_string(...)),
            form: self::isJson() ? self::json() : $_POST,
            files: $_FILES,
            headers: $headers,
        );
    }

    public static function pathOf(string $uri): string
    {
        return rawurldecode(explode('?', $uri, 2)[0]);
    }

    public function header(string $name): string
    {
        return $this->headers[strtolower($name)] ?? '';
    }

    /** A field of the body as text; "" when it is absent or not text. */
    public function field(string $name): string
    {
        $value = $this->form[$name] ?? '';

        return is_scalar($value) ? trim((string) $value) : '';
    }

    /** True for a browser, which gets pages; a program gets JSON. */
    public function wantsPage(): bool
    {
        return str_contains($this->header('accept'), 'text/html');
    }

    private static function isJson(): bool
    {
        return str_starts_with($_SERVER['CONTENT_TYPE'] ?? '', 'application/json');
    }

    /** @return array<string, mixed> */
    private static function json(): array
    {
        $body = json_decode((string) file_get_contents('php://input'), true);

        return is_array($body) ? $body : [];
    }
}
