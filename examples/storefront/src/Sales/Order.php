<?php

declare(strict_types=1);

namespace Storefront\Sales;

use Storefront\Catalog\Money;

final readonly class Order
{
    public function __construct(
        public string $reference,
        public OrderStatus $status,
        public Money $total,
    ) {
    }

    /** @return array<string, mixed> */
    public function toArray(): array
    {
        return [
            'reference' => $this->reference,
            'status' => $this->status->value,
            'total_cents' => $this->total->cents,
        ];
    }
}
