"""One of everything that is MariaDB's and MySQL's own."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Base


class Options(Base):
    """Table options, types and defaults."""

    __tablename__ = "ks_mysql"
    __table_args__ = (
        sa.Index("ix_mysql_prefix", "text", mysql_length=20),
        sa.Index("ix_mysql_fulltext", "text", mysql_prefix="FULLTEXT"),
        {
            "mysql_engine": "InnoDB",
            "mysql_charset": "utf8mb4",
            "mysql_collate": "utf8mb4_bin",
            "comment": "options",
        },
    )

    id: Mapped[int] = mapped_column(mysql.INTEGER(unsigned=True), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20, collation="utf8mb4_unicode_ci"))
    text: Mapped[str] = mapped_column(mysql.MEDIUMTEXT)
    text_default: Mapped[str] = mapped_column(sa.Text, server_default="some text")
    json: Mapped[Any] = mapped_column(sa.JSON, server_default="{}")
    json_text: Mapped[Any] = mapped_column(sa.JSON, server_default=sa.text("'[]'"))
    tiny: Mapped[int] = mapped_column(mysql.TINYINT(unsigned=True), server_default="1")
    unsigned: Mapped[int] = mapped_column(mysql.BIGINT(unsigned=True), server_default="0")
    double: Mapped[float] = mapped_column(mysql.DOUBLE(asdecimal=False), server_default="1.5")
    moment: Mapped[datetime.datetime] = mapped_column(
        mysql.DATETIME(fsp=6), server_default=sa.text("CURRENT_TIMESTAMP(6)")
    )
    stamp: Mapped[datetime.datetime] = mapped_column(
        sa.TIMESTAMP, server_default=sa.func.current_timestamp()
    )
    changed: Mapped[datetime.datetime] = mapped_column(
        server_default=sa.text("CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP")
    )
    changed_precise: Mapped[datetime.datetime] = mapped_column(
        mysql.DATETIME(fsp=3),
        server_default=sa.text("CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)"),
    )
    key: Mapped[str] = mapped_column(sa.CHAR(36), server_default=sa.text("(uuid())"))
    sum: Mapped[int] = mapped_column(server_default=sa.text("(1 + 2)"))
    today: Mapped[datetime.date] = mapped_column(server_default=sa.text("(curdate())"))
    virtual: Mapped[int | None] = mapped_column(sa.Computed("`tiny` + 1", persisted=False))
    kind: Mapped[str] = mapped_column(sa.Enum("it's", "b", "c"), server_default="b")
    flags: Mapped[Any] = mapped_column(mysql.SET("x", "y"), server_default="x")
    year: Mapped[int] = mapped_column(mysql.YEAR, server_default="2000")
    bit: Mapped[Any] = mapped_column(mysql.BIT(1), server_default=sa.text("b'1'"))
