# Copies a MariaDB that runs, with mariadb-backup, and makes the copy ready for a server's
# start. $1 is where, in the data directory. Exit status 99: there is no MariaDB here, or no
# mariadb-backup in the image.
set -eu

data=/var/lib/mysql
command -v mariadb-backup >/dev/null && [ -d "$data/mysql" ] || exit 99
to=$data/$1
mkdir -p "${to%/*}"
set -- --user=root --socket=/run/mysqld/mysqld.sock # of the official images
[ ! -S /tmp/mysqld.sock ] || set -- --user=mysql --socket=/tmp/mysqld.sock
mariadb-backup --no-defaults --backup "$@" --datadir="$data" --target-dir="$to"
mariadb-backup --no-defaults --prepare --target-dir="$to"
rm -rf "$to/.sluice-copy"
for file in mariadb_upgrade_info mysql_upgrade_info; do
    if [ -f "$data/$file" ]; then cp -p "$data/$file" "$to/"; fi
done
