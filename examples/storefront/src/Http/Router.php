<?php

declare(strict_types=1);

namespace Storefront\Http;

/** Finds the page for a method and a path. Patterns have {names} for single path segments. */
final class Router
{
    /** @var list<array{method: string, pattern: string, page: \Closure}> */
    private array $routes = [];

    /** @param \Closure(Request, string...): Response $page gets the path's parts by their names */
    public function add(string $method, string $path, \Closure $page): self
    {
        $pattern = preg_replace('/\\\\{(\w+)\\\\}/', '(?<$1>[^/]+)', preg_quote($path, '#'));
        $this->routes[] = ['method' => $method, 'pattern' => "#^$pattern$#D", 'page' => $page];

        return $this;
    }

    public function answer(Request $request): Response
    {
        $method = $request->method === 'HEAD' ? 'GET' : $request->method;
        $allowed = [];
        foreach ($this->routes as $route) {
            if (preg_match($route['pattern'], $request->path, $parts) !== 1) {
                continue;
            }
            if ($route['method'] === $method) {
                return ($route['page'])($request, ...array_filter($parts, is_string(...), ARRAY_FILTER_USE_KEY));
            }
            $allowed[] = $route['method'];
        }
        if ($allowed !== []) {
            throw new HttpError(405, 'This address answers ' . implode(' and ', $allowed) . ' only.');
        }
        throw HttpError::notFound();
    }
}
