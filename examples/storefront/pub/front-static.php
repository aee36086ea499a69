<?php

declare(strict_types=1);

/** A static file that was not deployed does not exist; nothing is made on demand. */

http_response_code(404);
header('Content-Type: text/plain; charset=utf-8');
exit("There is no such file.\n");
