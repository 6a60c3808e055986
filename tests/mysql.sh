#!/usr/bin/env bash
# A real MySQL server on 127.0.0.1:3307, of Debian's unstable distribution: the stable one has only MariaDB.
# As root, with debootstrap installed; FOLDER gets about 600 MB, once, in about 2 minutes:
#
#     tests/mysql.sh start FOLDER
#     MYSQL_PORT=3307 .venv/bin/pytest -k "mysql and not nothing_differs and not every_change and not random_models"
#     tests/mysql.sh stop FOLDER
set -euo pipefail
folder=$(realpath -m "$2")
case $1 in
start)
    if [ ! -x "$folder/usr/sbin/mysqld" ]; then
        debootstrap --variant=minbase --include=mysql-server-core sid "$folder"
    fi
    if [ ! -d "$folder/srv/data" ]; then
        mkdir "$folder/srv/data"
        chroot "$folder" chown nobody /srv/data
        chroot "$folder" mysqld --no-defaults --initialize-insecure --user=nobody --datadir=/srv/data
    fi
    chroot "$folder" mysqld --no-defaults --user=nobody --datadir=/srv/data --port=3307 \
        --bind-address=127.0.0.1 --socket=/srv/data/socket --mysqlx=OFF --secure-file-priv=NULL \
        --pid-file=/srv/data/pid >"$folder/srv/log" 2>&1 &
    until (exec 3<>/dev/tcp/127.0.0.1/3307) 2>/dev/null; do
        kill -0 $! || { cat "$folder/srv/log"; exit 1; }
        sleep 0.2
    done
    ;;
stop) kill "$(cat "$folder/srv/data/pid")" ;;
*) exit 2 ;;
esac
