<?php

declare(strict_types=1);

namespace Storefront\Sales;

enum OrderStatus: string
{
    case Placed = 'placed';
    case Processed = 'processed';
}
