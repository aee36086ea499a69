<?php
/*
 * Serves a static file that does not exist yet: Magento makes it and sends it. The web
 * server passes requests below /static/ here when it finds no file. Written by the build
 * (step copy-pub-static); changes to this copy are lost with the next build.
 */
use Magento\Framework\App\Bootstrap;
use Magento\Framework\App\StaticResource;

require realpath(__DIR__) . '/../app/bootstrap.php';

$path = (string) parse_url($_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH);
$_GET['resource'] = preg_replace('~^/static/(?:version\d*/)?~', '', $path);

$bootstrap = Bootstrap::create(BP, $_SERVER);
$bootstrap->run($bootstrap->createApplication(StaticResource::class));
