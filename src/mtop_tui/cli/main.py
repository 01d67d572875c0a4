"""`mtop`: opens the app, or runs one of the commands that print."""

from __future__ import annotations

import gc
import os
import sys

import click

from mtop_tui import __version__
from mtop_tui.cli.doctor import doctor
from mtop_tui.cli.errors import Exit, Failure, complain, usage_complaint
from mtop_tui.cli.fleet import get, list_
from mtop_tui.cli.logs import logs
from mtop_tui.cli.options import (
    STORY_FLAGS,
    screen_options,
    settings_of,
    source_options,
    story_options,
    table_options,
)
from mtop_tui.cli.serve import serve, switch
from mtop_tui.cli.simulate import recipes, simulate


@click.group(
    name="mtop",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="These flags stand before a command; those that its own --help lists too may also follow"
    " it. Settings also come from MTOP_* variables and from $MTOP_CONFIG or"
    " ~/.config/mtop/config.yaml; flags win.",
)
@source_options
@table_options
@screen_options
@story_options
@click.option(
    "--allow-actions",
    is_flag=True,
    help="Let keys change the cluster: each is planned, tried and asked about first.",
)
@click.version_option(__version__, prog_name="mtop", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, /, **_: object) -> None:
    """htop for LLM serving on KServe. Without a command, opens the screen."""
    if ctx.invoked_subcommand is None:
        ctx.exit(_open(ctx))
    for name in STORY_FLAGS:
        if ctx.params[name] is not None:
            flag = f"--{name}"
            raise click.UsageError(
                f"{flag} stands here for the screen only; `mtop simulate` runs a recipe without one"
            )
    if ctx.params["allow_actions"]:
        raise click.UsageError(
            "--allow-actions stands here for the screen only; `mtop doctor` takes it after its name"
        )


cli.add_command(list_)
cli.add_command(get)
cli.add_command(logs)
cli.add_command(doctor)
cli.add_command(simulate)
cli.add_command(recipes)
cli.add_command(serve)
cli.add_command(switch)


def _open(ctx: click.Context) -> int:
    def column_ids() -> tuple[str, ...]:
        from mtop_tui.views.asked_columns import KNOWN_IDS

        return KNOWN_IDS

    # What is imported and loaded until the first screen stands is kept anyway; the app resumes
    # collection then.
    gc.disable()
    loaded = settings_of(ctx, column_ids)
    _require_terminal()
    from mtop_tui.cli.opening import Sources, serving_model

    opener = Sources(loaded)
    if (recipe := ctx.params["recipe"]) is not None:
        if loaded.settings.mode == "live":
            raise click.UsageError(
                "--recipe is a story of the simulated cluster; leave out --mode live"
            )
        if ctx.params["endpoint"] or ctx.params["discover"]:
            raise click.UsageError("--recipe simulates, --endpoint and --discover watch: give one")
        from mtop_tui.cli.story import open_story

        speed, target = ctx.params["speed"], ctx.params["target"]
        story = open_story(loaded, recipe, target=target, speed=speed)
        from mtop_tui.app import run

        return run(
            loaded,
            story.provider,
            story.store,
            story.clock,
            opener,
            serving_model=serving_model,
            may_act=ctx.params["allow_actions"],
        )
    for name in ("speed", "target"):
        if ctx.params[name] is not None:
            raise click.UsageError(f"--{name} needs a story to set: add --recipe NAME")
    from mtop_tui.app import run
    from mtop_tui.cli.source import actions_of, open_source

    may_act = ctx.params["allow_actions"]
    return run(
        loaded,
        *open_source(loaded),
        opener,
        serving_model=serving_model,
        actions=actions_of(loaded) if may_act else None,
        may_act=may_act,
    )


def _require_terminal() -> None:
    lacking = (
        "stdin is not a terminal"
        if not _is_terminal(sys.stdin)
        else "stdout is not a terminal"
        if not _is_terminal(sys.stdout)
        else "TERM is dumb"
        if os.environ.get("TERM") == "dumb"
        else None
    )
    if lacking:
        raise Failure(
            f"cannot open the screen: {lacking}; "
            "use `mtop list` or `mtop get NAME`, which print and need no terminal",
            Exit.USAGE,
        )


def _is_terminal(stream: object) -> bool:
    return stream is not None and bool(getattr(stream, "isatty", lambda: False)())


def main() -> int:
    """The console script: runs the command line and returns its exit code.

    Whatever goes wrong ends in one line on stderr; `--debug` shows the traceback.
    """
    try:
        return int(cli.main(prog_name="mtop", standalone_mode=False) or Exit.OK)
    except Failure as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        complain(usage_complaint(error))
        return Exit.USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except Exception as error:  # the last resort: a user never sees a traceback
        if "--debug" in sys.argv[1:]:
            raise
        words = str(error) or "no message"
        complain(f"unexpected {type(error).__name__}: {words}; run again with --debug for more")
        return Exit.FAILED
