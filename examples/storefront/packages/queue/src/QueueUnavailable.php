<?php

declare(strict_types=1);

namespace Storefront\Queue;

/** The broker did not take or give a message; trying again later may work. */
final class QueueUnavailable extends \RuntimeException
{
}
