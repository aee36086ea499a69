<?php

declare(strict_types=1);

/** The front controller: every address that is not a file comes here. */

use Storefront\Http\Kernel;
use Storefront\Http\Request;
use Storefront\Shop;

require __DIR__ . '/../vendor/autoload.php';

(new Kernel(new Shop(dirname(__DIR__))))->handle(Request::fromGlobals())->send();
