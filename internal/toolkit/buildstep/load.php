<?php
require 'app/bootstrap.php';
foreach (array_slice($argv, 1) as $class) {
    if (!class_exists($class) && !interface_exists($class) && !trait_exists($class) && !enum_exists($class)) {
        fwrite(STDERR, "The class $class could not be loaded.\n");
        exit(1);
    }
}
echo "\nloaded\n";
