"""The files of one `alembic revision`: the first has the given name, the others its parts."""

import logging

from alembic.operations.ops import DowngradeOps, MigrationScript, UpgradeOps

log = logging.getLogger("alembic.autogenerate")


def in_files(
    script: MigrationScript, parts: list[tuple[str, UpgradeOps, DowngradeOps]]
) -> list[MigrationScript]:
    """Return the scripts for what `script` does, and for each of `parts` that follow.

    Files of one second sort by their revisions' identifiers, so those of the parts are the first
    one's with a number: `4f1c0a`, `4f1c0ap02`.

    Args:
        script: with one upgrade and one downgrade, which may have nothing to do.
        parts: what is to be done after it, and what each is called.
    """
    assert script.upgrade_ops is not None
    if script.upgrade_ops.is_empty() and parts:
        # The first part is the whole of it.
        (_, script.upgrade_ops, script.downgrade_ops), *parts = parts
    scripts = [script]
    for number, (title, upgrade, downgrade) in enumerate(parts, start=2):
        scripts.append(
            MigrationScript(
                f"{script.rev_id}p{number:02}",
                upgrade,
                downgrade,
                message=f"{script.message or ''}, part {number}, {title}".lstrip(", "),
                head=scripts[-1].rev_id,
                version_path=script.version_path,
            )
        )
    if parts:
        log.info(
            "Tables in use are changed in %s steps, each in a file and committed by itself;"
            " `safe_forms=False` in PROJECT writes one file",
            len(scripts),
        )
    return scripts
