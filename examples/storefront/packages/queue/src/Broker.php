<?php

declare(strict_types=1);

namespace Storefront\Queue;

/** One connection to RabbitMQ, made on first use. Queues are durable, messages persistent. */
final class Broker
{
    /** Seconds that a publisher, who has a visitor waiting, gives the broker. */
    private const PATIENCE = 2.0;

    /** Seconds after which an idle consumer looks up, to see whether it should stop. A deployment waits for it. */
    private const LOOK_UP = 0.1;

    /** What the extension says when LOOK_UP passes without a message. */
    private const NOTHING_CAME = 'Consumer timeout exceed';

    private ?\AMQPChannel $channel = null;

    /** @var array<string, \AMQPQueue> */
    private array $queues = [];

    public function __construct(
        private readonly string $host,
        private readonly int $port,
        private readonly string $user,
        #[\SensitiveParameter] private readonly string $password,
    ) {
    }

    /**
     * Returns once the broker has confirmed that it keeps the message.
     *
     * @param array<string, mixed> $message
     * @throws QueueUnavailable
     */
    public function publish(string $queue, array $message): void
    {
        $body = json_encode($message, JSON_THROW_ON_ERROR);
        try {
            $this->queue($queue);
            $exchange = new \AMQPExchange($this->channel());
            $exchange->publish($body, $queue, AMQP_NOPARAM, [
                'content_type' => 'application/json',
                'delivery_mode' => 2,
            ]);
            $this->channel()->waitForConfirm(self::PATIENCE);
        } catch (\AMQPException $e) {
            $this->disconnect();
            throw new QueueUnavailable("publish to $queue: {$e->getMessage()}", previous: $e);
        }
    }

    /**
     * Hands messages to $handle for half a second, or until it returns false. A message is
     * acknowledged after its handler returned, so one that was not finished comes again.
     *
     * @param \Closure(array<string, mixed>): bool $handle
     * @throws QueueUnavailable
     */
    public function receive(string $queue, \Closure $handle): void
    {
        try {
            $this->consume($queue, $handle);
        } catch (\AMQPException $e) {
            if ($e->getMessage() === self::NOTHING_CAME) {
                return;
            }
            $this->disconnect();
            throw new QueueUnavailable("receive from $queue: {$e->getMessage()}", previous: $e);
        }
    }

    public function disconnect(): void
    {
        $this->queues = [];
        $this->channel = null;
    }

    private function consume(string $name, \Closure $handle): void
    {
        // A second basic.consume would be a second consumer with its own share of the messages.
        $flags = isset($this->queues[$name]) ? AMQP_JUST_CONSUME : AMQP_NOPARAM;
        $receive = static function (\AMQPEnvelope $envelope, \AMQPQueue $queue) use ($handle): bool {
            $message = json_decode($envelope->getBody(), true);
            if (!is_array($message)) {
                $queue->reject($envelope->getDeliveryTag()); // Nobody will ever understand it.

                return true;
            }
            $goOn = $handle($message);
            $queue->ack($envelope->getDeliveryTag());

            return $goOn;
        };
        $this->queue($name)->consume($receive, $flags);
    }

    private function queue(string $name): \AMQPQueue
    {
        if (!isset($this->queues[$name])) {
            $queue = new \AMQPQueue($this->channel());
            $queue->setName($name);
            $queue->setFlags(AMQP_DURABLE);
            $queue->declareQueue();
            $this->queues[$name] = $queue;
        }

        return $this->queues[$name];
    }

    private function channel(): \AMQPChannel
    {
        return $this->channel ??= $this->open();
    }

    private function open(): \AMQPChannel
    {
        $connection = new \AMQPConnection([
            'host' => $this->host,
            'port' => $this->port,
            'login' => $this->user,
            'password' => $this->password,
            'connect_timeout' => self::PATIENCE,
            'write_timeout' => self::PATIENCE,
            'read_timeout' => self::LOOK_UP,
            'heartbeat' => 30,
        ]);
        $connection->connect();
        $channel = new \AMQPChannel($connection);
        $channel->setPrefetchCount(10);
        $channel->confirmSelect();
        // The first confirmation, good or bad, ends the wait.
        $channel->setConfirmCallback(
            static fn (): bool => false,
            static fn () => throw new \AMQPChannelException('the broker refused the message'),
        );

        return $channel;
    }
}
