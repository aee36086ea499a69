<?php

declare(strict_types=1);

namespace Storefront\Console;

use Storefront\Configuration;
use Storefront\Deploy\Migrator;
use Storefront\Deploy\Relationships;
use Storefront\Deploy\Sitemap;
use Storefront\Deploy\StaticContent;
use Storefront\Deploy\WriteConfiguration;
use Storefront\Files;
use Storefront\Queue\Worker;
use Storefront\Shop;

/** What bin/shop can do. The hooks, the cron job and the worker of .magento.app.yaml are here. */
final readonly class Commands
{
    public function __construct(private Shop $shop)
    {
    }

    public function console(): Console
    {
        $maintenance = $this->shop->maintenance();

        return (new Console())
            ->add('build', 'Build hook: release marker and static files', $this->build(...))
            ->add('check', 'Deploy hook, before anything is written: services answer, migrations fit', $this->check(...))
            ->add('deploy', 'Deploy hook: configuration, schema, static files', $this->deploy(...))
            ->add('post-deploy', 'Post-deploy hook: drop what was cached', $this->flushCache(...))
            ->add('install', 'Write app/etc and bring the schema up to date', $this->install(...))
            ->add('migrate', 'Bring the schema up to date', $this->migrate(...))
            ->add('static:deploy', 'Copy static files into their mount', $this->deployStatic(...))
            ->add('sitemap:generate', 'Write the sitemap', $this->writeSitemap(...))
            ->add('cache:flush', 'Drop what was cached', $this->flushCache(...))
            ->add('cron:run', 'Cron job: announce orders that the queue missed', $this->cron(...))
            ->add('queue:work', 'Worker: process orders until told to stop', $this->work(...))
            ->add('order:count', 'How many orders there are', $this->countOrders(...))
            ->add('maintenance:enable', 'Show the maintenance page', $maintenance->start(...))
            ->add('maintenance:disable', 'Show the shop', $maintenance->end(...));
    }

    private function build(): void
    {
        $this->say('release ' . $this->shop->release()->record((string) getenv('MAGENTO_CLOUD_TREE_ID')));
        $this->say('static files, version ' . $this->static()->build());
    }

    /**
     * Looks and writes nothing: the release before may be serving visitors meanwhile. The queue
     * is not asked: the shop sells without it, and the cron job announces later.
     */
    private function check(): void
    {
        $planned = new WriteConfiguration($this->shop->path('app/etc'), Relationships::fromEnvironment());
        $shop = new Shop($this->shop->root, Configuration::of($planned->environment()));
        $pending = (new Migrator($shop->database(), $shop->path('migrations')))->pending();
        $shop->cache()->ping();
        $this->say('database and cache answer');
        $this->say($pending === [] ? 'no migrations are pending' : 'pending migrations: ' . implode(', ', $pending));
    }

    private function deploy(): void
    {
        $this->shop->maintenance()->start();
        $this->install();
        $this->deployStatic();
        $this->flushCache();
        $this->writeSitemap();
        // Not in a "finally": a shop whose deployment failed must not open.
        $this->shop->maintenance()->end();
    }

    private function install(): void
    {
        (new WriteConfiguration($this->shop->path('app/etc'), Relationships::fromEnvironment()))();
        $this->say('app/etc/env.php and config.php written');
        $this->migrate();
    }

    private function migrate(): void
    {
        $applied = (new Migrator($this->shop->database(), $this->shop->path('migrations')))->migrate();
        $this->say($applied === [] ? 'schema is up to date' : 'schema: applied ' . implode(', ', $applied));
    }

    private function deployStatic(): void
    {
        $this->say($this->static()->deploy() . ' static files in place');
    }

    private function flushCache(): void
    {
        $this->shop->cache()->flushDB();
        $this->say('cache flushed');
    }

    private function writeSitemap(): void
    {
        $baseUrl = Sitemap::baseUrl((string) getenv('MAGENTO_CLOUD_ROUTES'));
        Files::write($this->shop->path('pub/media/sitemap.xml'), (new Sitemap($this->shop->products(), $baseUrl))->xml());
        $this->say('sitemap written');
    }

    private function cron(): void
    {
        $orders = $this->shop->orders();
        $missed = $orders->unannounced();
        foreach ($missed as $reference) {
            $this->shop->broker()->publish(Shop::ORDERS_PLACED, ['reference' => $reference]);
            $orders->markAnnounced($reference);
        }
        $this->shop->database()
            ->prepare('INSERT INTO cron_run (release_marker, announced) VALUES (?, ?)')
            ->execute([$this->shop->release()->marker(), count($missed)]);
        Files::write($this->shop->path('var/cron.last'), gmdate('c') . "\n");
        $this->say('cron: ' . count($missed) . ' orders announced late');
    }

    private function work(): void
    {
        $orders = $this->shop->orders();
        (new Worker($this->shop->broker(), $this->say(...)))->run(
            Shop::ORDERS_PLACED,
            static fn (array $message) => $orders->process((string) ($message['reference'] ?? '')),
        );
    }

    private function countOrders(): void
    {
        $this->say((string) $this->shop->orders()->count()['count']);
    }

    private function static(): StaticContent
    {
        return new StaticContent($this->shop->root);
    }

    private function say(string $line): void
    {
        echo "$line\n";
    }
}
