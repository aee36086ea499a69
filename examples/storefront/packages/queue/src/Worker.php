<?php

declare(strict_types=1);

namespace Storefront\Queue;

/**
 * Works off one queue until SIGTERM or SIGINT, and finishes the message at hand first.
 *
 * The signals are blocked and asked for between messages: a handler would run in the middle of
 * one, and the AMQP extension keeps PHP from running any while it waits.
 *
 * A broker that is away is waited for. A handler that fails ends the worker: its message is
 * not acknowledged and comes again, and the platform starts a fresh process.
 */
final class Worker
{
    private const STOP_SIGNALS = [SIGTERM, SIGINT];
    private const PAUSE_SECONDS = 2;

    private bool $stopping = false;

    /** @param \Closure(string): void $log */
    public function __construct(private readonly Broker $broker, private readonly \Closure $log)
    {
    }

    /** @param \Closure(array<string, mixed>): void $handle may see a message more than once */
    public function run(string $queue, \Closure $handle): void
    {
        pcntl_sigprocmask(SIG_BLOCK, self::STOP_SIGNALS);
        ($this->log)("waiting for messages in $queue");
        do {
            $this->receive($queue, $handle);
        } while (!$this->mustStop());
        ($this->log)('stopped');
    }

    private function receive(string $queue, \Closure $handle): void
    {
        try {
            $this->broker->receive($queue, function (array $message) use ($handle): bool {
                $handle($message);

                return !$this->mustStop();
            });
        } catch (QueueUnavailable $e) {
            ($this->log)($e->getMessage());
            $this->mustStop(self::PAUSE_SECONDS);
        }
    }

    /** Tells whether a stop signal has come, waiting for one if asked to. */
    private function mustStop(int $seconds = 0): bool
    {
        $this->stopping = $this->stopping || @pcntl_sigtimedwait(self::STOP_SIGNALS, $info, $seconds) > 0;

        return $this->stopping;
    }
}
