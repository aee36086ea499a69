<?php
/**
 * Runs one PHP class of a project as a step, an action or a validator of a scenario.
 *
 * The toolkit gives this text to php on stdin and a request in the variable SLUICE_REQUEST:
 *   {"root": dir, "check": [{"class", "role"}, ...]}                 are these usable?
 *   {"root": dir, "run": {"class", "role", "args": [argument, ...]}} make it and call it
 * It answers with lines that begin with the byte 0x1E and hold JSON: {"log": [level, message]}
 * while it works and one {"result": ...} at its end. Anything else that is printed is output.
 *
 * Interfaces of the original that the project's autoloader does not know are declared here,
 * so a project's classes work whether magento/ece-tools is in its vendor directory or not.
 */

namespace Sluice\Shim;

const INTERFACES = [
    'step' => ['Magento\\MagentoCloud\\Step\\StepInterface', 'execute'],
    'action' => ['Magento\\MagentoCloud\\OnFail\\Action\\ActionInterface', 'execute'],
    'validator' => ['Magento\\MagentoCloud\\Config\\ValidatorInterface', 'validate'],
];

function answer(array $what): void
{
    $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE;
    static $out = null; // not echo: a class may buffer its output
    $out = $out ?? fopen('php://stdout', 'wb');
    fwrite($out, "\n\x1E" . json_encode($what, $flags) . "\n");
}

/** Declares the interfaces of the original that no other code declares. */
function declareMissing(string $class): void
{
    $declarations = [
        'Magento\\MagentoCloud\\App\\GenericException' =>
            'namespace Magento\\MagentoCloud\\App; class GenericException extends \\Exception {'
            . ' public function __construct(string $message, $code = 0, ?\\Throwable $previous = null)'
            . ' { parent::__construct($message, (int)$code, $previous); } }',
        'Magento\\MagentoCloud\\Step\\StepInterface' =>
            'namespace Magento\\MagentoCloud\\Step; interface StepInterface { public function execute(); }',
        'Magento\\MagentoCloud\\Step\\StepException' =>
            'namespace Magento\\MagentoCloud\\Step;'
            . ' class StepException extends \\Magento\\MagentoCloud\\App\\GenericException {}',
        'Magento\\MagentoCloud\\OnFail\\Action\\ActionInterface' =>
            'namespace Magento\\MagentoCloud\\OnFail\\Action; interface ActionInterface { public function execute(): void; }',
        'Magento\\MagentoCloud\\OnFail\\Action\\ActionException' =>
            'namespace Magento\\MagentoCloud\\OnFail\\Action;'
            . ' class ActionException extends \\Magento\\MagentoCloud\\App\\GenericException {}',
        'Magento\\MagentoCloud\\ExtensionRegistrar' =>
            'namespace Magento\\MagentoCloud; class ExtensionRegistrar { private static $paths = [];'
            . ' public static function register(string $name, string $path): void {'
            . ' if (isset(self::$paths[$name])) { throw new \\LogicException("$name from $path has been already defined in "'
            . ' . self::$paths[$name]); } self::$paths[$name] = $path; }'
            . ' public static function getPaths(): array { return self::$paths; } }',
        'Psr\\Log\\LoggerInterface' =>
            'namespace Psr\\Log; interface LoggerInterface {' . implode('', array_map(static function ($level) {
                return " public function $level(\$message, array \$context = []);";
            }, LEVELS)) . ' public function log($level, $message, array $context = []); }',
    ];
    if (isset($declarations[$class])) {
        eval($declarations[$class]);
    }
}

const LEVELS = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];

function logger(): \Psr\Log\LoggerInterface
{
    static $logger;
    if ($logger === null) {
        $methods = implode('', array_map(static function ($level) {
            return " public function $level(\$message, array \$context = []): void { \$this->log('$level', \$message); }";
        }, LEVELS));
        $logger = eval('return new class implements \\Psr\\Log\\LoggerInterface {' . $methods
            . ' public function log($level, $message, array $context = []): void'
            . ' { \\Sluice\\Shim\\answer(["log" => [(string)$level, (string)$message]]); } };');
    }
    return $logger;
}

/** A step of the toolkit, for a class that is given one. */
function nativeStep(string $type): object
{
    return eval('return new class($type) implements \\Magento\\MagentoCloud\\Step\\StepInterface {
        private $type;
        public function __construct(string $type) { $this->type = $type; }
        public function execute() { \\Sluice\\Shim\\runNative($this->type); }
    };');
}

function runNative(string $type): void
{
    $command = array_map('escapeshellarg', [PROGRAM, 'internal:step', $type]);
    $process = proc_open(implode(' ', $command), [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes, ROOT);
    if (!is_resource($process)) {
        throw new \RuntimeException("$type could not be started");
    }
    $failed = null;
    while (($line = fgets($pipes[1])) !== false) {
        $answer = $line[0] === "\x1E" ? json_decode(substr($line, 1), true) : null;
        if (isset($answer['failed'])) {
            $failed = $answer['failed'];
        } elseif ($answer !== null) {
            answer($answer);
        } elseif (trim($line) !== '') {
            answer(['log' => ['info', rtrim($line)]]);
        }
    }
    $errors = trim((string)stream_get_contents($pipes[2]));
    if (proc_close($process) !== 0 || $failed !== null) {
        throw new \Magento\MagentoCloud\Step\StepException($failed[0] ?? ($errors ?: "$type failed"), $failed[1] ?? 0);
    }
}

/** Makes objects: by the arguments of the scenario, then by the types of the constructor. */
final class Maker
{
    private $made = [];
    private $services;
    private $broken = ''; // why the original's container cannot be used

    public function make(string $class, array $args = []): object
    {
        $class = $this->service($class);
        if ($args === [] && isset($this->made[$class])) {
            return $this->made[$class];
        }
        if (!class_exists($class)) {
            throw new \RuntimeException("Class \"$class\" not found");
        }
        $constructor = (new \ReflectionClass($class))->getConstructor();
        $values = [];
        foreach ($constructor === null ? [] : $constructor->getParameters() as $position => $parameter) {
            if ($parameter->isVariadic()) {
                break;
            }
            $values[] = $this->parameter($class, $parameter, $position, $args);
        }
        $object = new $class(...$values);
        if ($args === []) {
            $this->made[$class] = $object;
        }
        return $object;
    }

    /** An argument counts by its name, and by its position when no parameter has its name. */
    private function parameter(string $class, \ReflectionParameter $parameter, int $position, array &$args)
    {
        foreach ($args as $i => $arg) {
            if ($this->plain($arg['name']) === $this->plain($parameter->getName())) {
                unset($args[$i]);
                return $this->value($arg);
            }
        }
        if (isset($args[$position]) && !$this->namesParameter($args[$position]['name'], $parameter)
            && $this->fits($args[$position], $parameter)) {
            $arg = $args[$position];
            unset($args[$position]);
            return $this->value($arg);
        }
        $type = $parameter->getType();
        if ($type instanceof \ReflectionNamedType && !$type->isBuiltin()) {
            return $this->object($type->getName(), $parameter);
        }
        if ($parameter->isDefaultValueAvailable()) {
            return $parameter->getDefaultValue();
        }
        throw new \RuntimeException("$class: the scenario gives no argument \"{$parameter->getName()}\" to the constructor");
    }

    private function plain(string $name): string
    {
        return strtolower(str_replace(['-', '_'], '', $name));
    }

    private function namesParameter(string $name, \ReflectionParameter $parameter): bool
    {
        foreach ($parameter->getDeclaringFunction()->getParameters() as $other) {
            if ($this->plain($other->getName()) === $this->plain($name)) {
                return true;
            }
        }
        return false;
    }

    private function fits(array $arg, \ReflectionParameter $parameter): bool
    {
        $type = $parameter->getType();
        if (!$type instanceof \ReflectionNamedType) {
            return true;
        }
        switch ($arg['kind']) {
            case 'array':
                return in_array($type->getName(), ['array', 'iterable', 'mixed'], true);
            case 'string':
                return in_array($type->getName(), ['string', 'int', 'float', 'bool', 'mixed'], true);
        }
        if ($arg['native'] ?? false) {
            return $type->getName() === INTERFACES['step'][0];
        }
        return !$type->isBuiltin() && is_a($this->service($arg['text']), $type->getName(), true);
    }

    private function value(array $arg)
    {
        switch ($arg['kind']) {
            case 'string':
                return $arg['text'];
            case 'array':
                $items = [];
                foreach ($arg['items'] ?? [] as $item) {
                    if (!($item['skip'] ?? false)) {
                        $items[$item['name']] = $this->value($item);
                    }
                }
                return $items;
        }
        return ($arg['native'] ?? false) ? nativeStep($arg['text']) : $this->object($arg['text'], null);
    }

    private function object(string $type, ?\ReflectionParameter $parameter): ?object
    {
        $type = ltrim($type, '\\');
        if ($type === 'Psr\\Log\\LoggerInterface') {
            return logger();
        }
        $class = $this->service($type);
        try {
            if (interface_exists($class) && substr($class, -9) === 'Interface' && class_exists(substr($class, 0, -9))) {
                return $this->make(substr($class, 0, -9));
            }
            return $this->make($class);
        } catch (\Throwable $e) {
            $container = $this->container();
            if ($container !== null && $container->has($type)) {
                return $container->get($type);
            }
            if ($parameter !== null && $parameter->allowsNull()) {
                return null;
            }
            if ($container === null && strncmp($type, 'Magento\\MagentoCloud\\', 21) === 0) {
                throw new \RuntimeException("$type is a class of magento/ece-tools, " . ($this->broken === ''
                    ? 'which is not installed: require it in composer.json'
                    : 'which cannot be started: ' . $this->broken), 0, $e);
            }
            throw $e;
        }
    }

    /** The class of a service id of an extension's config/services.xml, or the id itself. */
    private function service(string $id): string
    {
        if ($this->services === null) {
            $this->services = [];
            foreach (extensions() as $path) {
                $file = "$path/config/services.xml";
                // By pattern: the XML extensions are not in every php.
                $xml = is_file($file) ? preg_replace('/<!--.*?-->/s', '', (string)file_get_contents($file)) : '';
                preg_match_all('/<service\s+([^>]*)>/', $xml, $found);
                foreach ($found[1] as $attributes) {
                    preg_match_all('/(id|class|alias)\s*=\s*["\']([^"\']*)["\']/', $attributes, $pairs);
                    $service = array_combine($pairs[1], $pairs[2]);
                    $target = $service['alias'] ?? $service['class'] ?? '';
                    if ($target !== '' && isset($service['id'])) {
                        $this->services[$service['id']] = ltrim($target, '\\');
                    }
                }
            }
        }
        return $this->services[ltrim($id, '\\')] ?? ltrim($id, '\\');
    }

    /** The container of the original, when it is installed: for its own services. */
    private function container(): ?object
    {
        static $container = false;
        if ($container === false) {
            $container = null;
            $file = ROOT . '/vendor/magento/ece-tools/bootstrap.php';
            if (is_file($file)) {
                try {
                    $made = require $file;
                    $container = is_object($made) && method_exists($made, 'has') && method_exists($made, 'get') ? $made : null;
                } catch (\Throwable $e) {
                    $this->broken = $e->getMessage();
                }
            }
        }
        return $container;
    }
}

/** The directories of the registered extensions. */
function extensions(): array
{
    if (!class_exists('Magento\\MagentoCloud\\ExtensionRegistrar')) {
        return [];
    }
    $paths = [];
    foreach ((new \ReflectionClass('Magento\\MagentoCloud\\ExtensionRegistrar'))->getStaticProperties() as $value) {
        foreach (is_array($value) ? $value : [] as $path) {
            $paths[] = is_string($path) ? $path : '';
        }
    }
    return array_filter($paths, 'is_dir');
}

/** Says why an object cannot be used in a role; null when it can. */
function unfit(string $class, ?object $object, string $role): ?string
{
    foreach ($role === 'any' ? array_keys(INTERFACES) : [$role] as $known) {
        [$interface] = INTERFACES[$known];
        if ($object instanceof $interface) {
            return null;
        }
    }
    return $class . ' is not instance of ' . INTERFACES[$role === 'any' ? 'step' : $role][0];
}

function check(array $classes): array
{
    $problems = [];
    foreach ($classes as $i => $one) {
        try {
            $object = (new Maker())->make($one['class'], $one['args'] ?? []);
            $problems[$i] = unfit($one['class'], $object, $one['role']);
        } catch (\Throwable $e) {
            $problems[$i] = $e->getMessage();
        }
    }
    return ['problems' => array_values($problems)];
}

function run(array $one): array
{
    try {
        $object = (new Maker())->make($one['class'], $one['args'] ?? []);
        $method = INTERFACES[$one['role'] === 'any' ? 'step' : $one['role']][1];
        $result = $object->$method();
    } catch (\Throwable $e) {
        $suggestion = method_exists($e, 'getSuggestion') ? (string)$e->getSuggestion() : '';
        return ['error' => $e->getMessage() ?: get_class($e), 'code' => is_int($e->getCode()) ? $e->getCode() : 0,
            'suggestion' => $suggestion];
    }
    if (is_object($result) && method_exists($result, 'getError')) {
        return ['finding' => $result->getError(),
            'code' => method_exists($result, 'getErrorCode') ? (int)$result->getErrorCode() : 0,
            'suggestion' => method_exists($result, 'getSuggestion') ? (string)$result->getSuggestion() : ''];
    }
    return ['done' => true];
}

$request = json_decode((string)getenv('SLUICE_REQUEST'), true);
define(__NAMESPACE__ . '\\ROOT', $request['root']);
define(__NAMESPACE__ . '\\PROGRAM', $request['program'] ?? '');
spl_autoload_register('Sluice\\Shim\\declareMissing');
if (is_file(ROOT . '/vendor/autoload.php')) {
    require ROOT . '/vendor/autoload.php';
}
answer(['result' => isset($request['check']) ? check($request['check']) : run($request['run'])]);
