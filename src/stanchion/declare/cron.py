"""When a schedule is due: a cron expression in a time zone.

In: `*/5 * * * *` and the name of a zone.   Out: moments in UTC, the last before now and the next.
Refuses: what is no cron expression, and zones that nobody knows.
Called by jobs (the declaration) and by the room `jobs`, which makes one job of each moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from ..errors import DeclarationError, Origin

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields of cron (minute, hour, day of the month, month, day of the week), or six with
    seconds in front. In a zone with summer time an hour that is left out counts when it would
    have been, and one that comes twice counts once, as in Debian's cron."""

    text: str
    zone: str

    @classmethod
    def read(cls, text: str, zone: str, origin: Origin | None) -> Cron:
        """Raises `DeclarationError`."""
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise DeclarationError(
                "schedule.zone",
                f"{zone!r} is no time zone that this machine knows",
                origin=origin,
                hint='zone="Europe/Berlin"; without one it is UTC',
            ) from None
        try:
            CronSim(text, datetime.now(UTC))
        except CronSimError as error:
            raise DeclarationError(
                "schedule.cron",
                f"{text!r} is no schedule: {error}",
                origin=origin,
                hint='"*/5 * * * *" is every five minutes, "0 3 * * *" every night at three',
            ) from None
        cron = cls(text, zone)
        if cron.after(datetime.now(UTC)) is None:
            raise DeclarationError(
                "schedule.never", f"{text!r} names no moment that ever comes", origin=origin
            )
        return cron

    def until(self, now: datetime) -> datetime | None:
        """The last moment that has come; None if there was none for fifty years."""
        # what is asked for backwards lies before the moment that is given, in whole seconds
        begin = now.replace(microsecond=0) + SECOND
        found = next(CronSim(self.text, self._local(begin), reverse=True), None)
        last = None if found is None else found.astimezone(UTC)
        # NOTE: in the hour that comes twice, backwards leaves out what forwards finds
        while last is not None and (later := self.after(last)) is not None and later <= now:
            last = later
        return last

    def after(self, now: datetime) -> datetime | None:
        """The next moment; None if there is none for fifty years."""
        for found in CronSim(self.text, self._local(now)):
            if found > now:
                return found.astimezone(UTC)
        return None

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(UTC if self.zone == "UTC" else ZoneInfo(self.zone))
