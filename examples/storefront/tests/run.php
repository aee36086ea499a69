<?php

declare(strict_types=1);

/**
 * Checks of the parts that need no service. Run: php tests/run.php
 * Prints a line for each check and exits 1 when one fails.
 */

use Storefront\Catalog\Money;
use Storefront\Catalog\Product;
use Storefront\Deploy\Migrator;
use Storefront\Deploy\Relationships;
use Storefront\Deploy\Sitemap;
use Storefront\Deploy\StaticContent;
use Storefront\Deploy\WriteConfiguration;
use Storefront\Files;
use Storefront\Http\HttpError;
use Storefront\Http\Request;
use Storefront\Http\Response;
use Storefront\Http\Router;
use Storefront\Maintenance;
use Storefront\Media\Drawing;
use Storefront\Media\Thumbnail;
use Storefront\Release;
use Storefront\Sales\Line;
use Storefront\Sales\Orders;

require __DIR__ . '/../vendor/autoload.php';

$failures = 0;

/** @param Closure(): void $body throws when something is not as it should be */
$check = static function (string $what, Closure $body) use (&$failures): void {
    try {
        $body();
        echo "ok    $what\n";
    } catch (Throwable $e) {
        $failures++;
        echo "FAIL  $what: {$e->getMessage()}\n";
    }
};

$same = static function (mixed $got, mixed $want): void {
    if ($got !== $want) {
        throw new LogicException('got ' . var_export($got, true) . ', want ' . var_export($want, true));
    }
};

/** @param class-string<Throwable> $class */
$throws = static function (string $class, Closure $body): Throwable {
    try {
        $body();
    } catch (Throwable $e) {
        return $e instanceof $class ? $e : throw $e;
    }
    throw new LogicException("nothing was thrown, want $class");
};

$scratch = sys_get_temp_dir() . '/storefront-' . bin2hex(random_bytes(6));
mkdir($scratch);
$mug = new Product('enamel-mug', 'Enamel Mug', 'Chips.', 'With honour.', new Money(1450), 8);

$check('money is counted in cents', function () use ($same, $throws): void {
    $same((string) (new Money(123450))->plus(new Money(5)), '€ 1,234.55');
    $same((new Money(1450))->times(3)->cents, 4350);
    $throws(InvalidArgumentException::class, static fn () => new Money(-1));
});

$check('a product survives the cache', function () use ($same, $mug): void {
    $row = json_decode(json_encode($mug->toRow(), JSON_THROW_ON_ERROR), true);
    $same(Product::fromRow($row)->toRow(), $mug->toRow());
});

$check('lines of an order add up and have limits', function () use ($same, $throws, $mug): void {
    $same(Line::sum([new Line($mug, 2), new Line($mug, 1)])->cents, 4350);
    $same(Line::sum([])->cents, 0);
    $throws(InvalidArgumentException::class, static fn () => new Line($mug, 0));
    $throws(InvalidArgumentException::class, static fn () => new Line($mug, 100));
});

$check('an order reference is plain and of sensible length', function () use ($same): void {
    foreach (['order-00000001' => 1, 'short' => 0, "order-0001\n" => 0, 'order 0001' => 0] as $reference => $want) {
        $same(preg_match(Orders::REFERENCE, $reference), $want);
    }
});

$check('the router finds pages, parts of paths and wrong methods', function () use ($same, $throws): void {
    $router = (new Router())
        ->add('GET', '/orders/count', static fn (Request $r): Response => Response::json(['page' => 'count']))
        ->add('GET', '/orders/{reference}', static fn (Request $r, string $reference): Response => Response::json(['page' => $reference]));
    $ask = static fn (string $method, string $path) => $router->answer(new Request($method, $path));
    $same($ask('GET', '/orders/count')->body, "{\"page\":\"count\"}\n");
    $same($ask('HEAD', '/orders/abc')->body, "{\"page\":\"abc\"}\n");
    $same($throws(HttpError::class, static fn () => $ask('POST', '/orders/abc'))->status, 405);
    $same($throws(HttpError::class, static fn () => $ask('GET', '/orders/a/b'))->status, 404);
});

$check('relationships are read as the platform writes them', function () use ($same, $throws): void {
    $encoded = base64_encode('{"redis":[{"host":"redis.internal","port":6379,"username":null,"password":null,"path":null}]}');
    $same(Relationships::decode($encoded)->endpoint('redis'), [
        'host' => 'redis.internal', 'port' => 6379, 'user' => '', 'password' => '', 'path' => '',
    ]);
    $throws(RuntimeException::class, static fn () => Relationships::decode($encoded)->endpoint('database'));
    $throws(RuntimeException::class, static fn () => Relationships::decode('{}'));
});

$check('configuration is rewritten, but the date of installation is kept', function () use ($same, $scratch): void {
    $endpoint = ['host' => 'h', 'port' => 1, 'username' => "o'hara", 'password' => 'p', 'path' => 'main'];
    $write = static fn (array $endpoint) => (new WriteConfiguration("$scratch/etc", Relationships::decode(base64_encode(
        json_encode(['database' => [$endpoint], 'redis' => [$endpoint], 'rabbitmq' => [$endpoint]], JSON_THROW_ON_ERROR),
    ))))();
    Files::write("$scratch/etc/env.php", "<?php return ['install' => ['date' => 'long ago']];");
    $write($endpoint);
    $env = require "$scratch/etc/env.php";
    $same($env['install'], ['date' => 'long ago']);
    $same($env['db']['user'], "o'hara");
});

$check('migrations split into statements', function () use ($same): void {
    $same(Migrator::statements("CREATE TABLE a (b INT);\n\nINSERT INTO a VALUES (';');\n"), [
        'CREATE TABLE a (b INT)', "INSERT INTO a VALUES (';')",
    ]);
});

$check('static files: the version follows the content, stale files go', function () use ($same, $scratch): void {
    $static = new StaticContent($scratch);
    Files::write("$scratch/assets/a.css", "/* note */\na {  color : red; }\n");
    $first = $static->build();
    $same($static->build(), $first);
    $same(preg_match('/^\d+$/', $first), 1);
    Files::write("$scratch/pub/static/old.css", '');
    $same($static->deploy(), 2);
    $same(Files::below("$scratch/pub/static"), ['a.css', 'deployed_version.txt']);
    $same(file_get_contents("$scratch/pub/static/a.css"), "a{color : red;}\n");
    Files::write("$scratch/assets/a.css", 'a{color:blue}');
    $same($static->build() === $first, false);
    $same((new Release($scratch))->staticVersion() === $first, false);
});

$check('the sitemap starts at the primary route', function () use ($same): void {
    $routes = ['http://www.localhost/' => ['primary' => false], 'http://main.localhost:8080/' => ['primary' => true]];
    $same(Sitemap::baseUrl(base64_encode(json_encode($routes, JSON_THROW_ON_ERROR))), 'http://main.localhost:8080');
    $same(Sitemap::baseUrl(''), '');
});

$check('a release knows its marker', function () use ($same, $scratch): void {
    $release = new Release($scratch);
    $same($release->marker(), 'unbuilt');
    $same($release->record('0123456789abcdef0123'), '0123456789ab');
    $same($release->marker(), '0123456789ab');
});

$check('maintenance is a flag', function () use ($same, $scratch): void {
    $maintenance = new Maintenance("$scratch/var/.maintenance.flag");
    $same($maintenance->isOn(), false);
    $maintenance->start();
    $maintenance->start();
    $same($maintenance->isOn(), true);
    $maintenance->end();
    $maintenance->end();
    $same($maintenance->isOn(), false);
});

$check('only the shop\'s own pictures are made on demand', function () use ($same, $mug): void {
    $photo = 'uploads/ab/' . str_repeat('a', 32) . '.png';
    $same(Thumbnail::fromUrl(Thumbnail::url($photo, Thumbnail::SMALL))?->type(), 'image/png');
    $same(Thumbnail::fromUrl("/media/cache/481/$photo"), null);
    $same(Thumbnail::fromUrl('/media/cache/480/uploads/../../app/etc/env.php'), null);
    $same(Drawing::skuOf('/media/product/enamel-mug.svg'), 'enamel-mug');
    $same(Drawing::skuOf('/media/product/../x.svg'), null);
    $same(simplexml_load_string((new Drawing())->make($mug))->getName(), 'svg');
});

exit($failures === 0 ? 0 : 1);
