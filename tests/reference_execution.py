"""The execution rules again, slow and plain: Python integers and fractions, one object a market, no arrays.

Written from the words of the design and the contracts, as a judge for the compiled kernel. Money is exact here because
Python's integers are; nothing is shared with the kernel but the names of facts and reasons.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from strategies.kernel.state import FactKind, Reason
from tests.reference_records import ONE, Book, Order, Protections, Terms, market_price, trigger

DAY_MS = 86_400_000
FORCED = {Reason.COMMAND, Reason.KILL_SWITCH, Reason.DAILY_LOSS, Reason.DRAWDOWN}


class ReferenceAccount:
    """An account of several markets that settles minutes and keeps its facts as tuples in FACT's field order."""

    def __init__(self, deposit: int, start_ms: int, terms: list[Terms], protections: Protections) -> None:
        self.books = [Book(each) for each in terms]
        self.protections = protections
        self.cash = self.equity = self.peak = self.day_equity = deposit
        self.fees = self.funding = self.trades = 0
        self.day = start_ms // DAY_MS
        self.last_ms = start_ms - 60_000
        self.day_locked = self.drawdown_locked = self.paused = False
        self.facts: list[tuple[int, ...]] = []

    # ---- one minute ------------------------------------------------------------------------------------------------

    def settle_minute(self, open_ms: int, bars: list[list[int] | None], rates: list[int | None]) -> None:
        """Settle the bars of a minute; None is an absent one."""
        for index, bar in enumerate(bars):
            if bar is not None:
                self.settle_bar(index, open_ms, bar, rates[index])
            elif self._is_due(index, open_ms):
                self._miss(index, open_ms, Reason.LATE)
        self._mark(open_ms)

    def settle_bar(self, index: int, open_ms: int, bar: list[int], rate: int | None) -> None:
        """Funding, due order, exits, mark."""
        book = self.books[index]
        if open_ms < book.last_ms:
            return
        if rate is not None and book.lots:
            self._pay_funding(index, open_ms, bar[0], rate)
        if self._is_due(index, open_ms):
            self._fill_order(index, open_ms, bar[0])
        if book.lots:
            self._check_exits(index, open_ms, bar)
        book.mark, book.last_ms = bar[3], open_ms

    def _is_due(self, index: int, open_ms: int) -> bool:
        order = self.books[index].order
        return order is not None and open_ms >= order.due_ms

    # ---- events ----------------------------------------------------------------------------------------------------

    def _pay_funding(self, index: int, open_ms: int, price: int, rate: int) -> None:
        book = self.books[index]
        flow = floor(Fraction(-book.lots * price * book.terms.unit_value * rate, ONE))
        book.trade_cash_flow += flow
        self.cash += flow
        self.funding -= flow
        reason = Reason.LATE if open_ms % 3_600_000 or open_ms <= self.last_ms else Reason.SETTLED
        self._tell(
            FactKind.FUNDING, open_ms, index, reason, trade=book.trade, price=price, cash_flow=flow,
            position=book.lots, trade_cash_flow=book.trade_cash_flow, rate=rate,
        )  # fmt: skip

    def _fill_order(self, index: int, open_ms: int, opening: int) -> None:
        book, order = self.books[index], self.books[index].order
        assert order is not None
        book.order = None
        if order.target == book.lots:
            return
        price = market_price(opening, book.terms, 1 if order.target > book.lots else -1)
        legs = [-book.lots, order.target] if book.lots * order.target < 0 else [order.target - book.lots]
        for leg in legs:
            opens = book.lots == 0
            self._trade(index, open_ms, leg, price, book.terms.fee_e8, order.reason, order.decision_ms)
            if opens:
                up = book.side
                book.stop = trigger(price, -up * order.stop_e8, up)
                book.take = trigger(price, up * order.take_e8, up)
                book.trail_e8 = order.trail_e8

    def _check_exits(self, index: int, open_ms: int, bar: list[int]) -> None:
        book = self.books[index]
        opening, high, low, _ = bar[:4]
        best, worst = (high, low) if book.side > 0 else (low, high)
        trail = trigger(book.best, -book.side * book.trail_e8, book.side)
        fences = [(Reason.LIQUIDATION, self._liquidation(book)), (Reason.STOP, book.stop), (Reason.TRAIL, trail)]
        behind = [(reason, price) for reason, price in fences if price]
        behind.sort(key=lambda fence: -book.side * fence[1])  # nearest to the price first; sort is stable
        gapped = [fence for fence in fences if fence[1] and book.side * opening <= book.side * fence[1]]
        touched = [fence for fence in behind if book.side * worst <= book.side * fence[1]]
        if gapped and gapped[0][0] is Reason.LIQUIDATION:
            self._exit(index, open_ms, Reason.LIQUIDATION, opening)
        elif gapped:
            self._exit(index, open_ms, max(gapped, key=lambda fence: book.side * fence[1])[0], opening)
        elif book.take and book.side * opening >= book.side * book.take:
            self._exit(index, open_ms, Reason.TAKE, opening)
        elif touched:
            self._exit(index, open_ms, *touched[0])
        elif book.take and book.side * best >= book.side * book.take:
            self._exit(index, open_ms, Reason.TAKE, book.take)
        else:
            book.best = book.side * max(book.side * book.best, book.side * best)

    def _exit(self, index: int, open_ms: int, reason: Reason, price: int) -> None:
        book = self.books[index]
        side, fee_e8 = book.side, book.terms.fee_e8
        if reason is not Reason.TAKE:
            price = market_price(price, book.terms, -side)
        if reason is Reason.LIQUIDATION:
            left = Fraction(book.cost, book.lots * book.terms.unit_value) * (1 - Fraction(side, book.terms.leverage))
            price = max(price, ceil(left), 1) if side > 0 else min(price, floor(left))
            fee_e8 += book.terms.liquidation_fee_e8
        book.blocked[side] = open_ms + self.protections.block_ms
        if book.order is not None and book.order.target * side > 0:
            book.order = None
        self._trade(index, open_ms, -book.lots, price, fee_e8, reason, book.opened_by)

    def _trade(
        self, index: int, open_ms: int, lots: int, price: int, fee_e8: int, reason: Reason, decision_ms: int
    ) -> None:
        book = self.books[index]
        notional = lots * price * book.terms.unit_value
        fee = ceil(Fraction(abs(notional) * fee_e8, ONE))
        after = book.lots + lots
        if book.lots == 0:
            book.trade += 1
            book.entry = book.best = price
            book.opened_by, book.trade_cash_flow, book.cost = decision_ms, 0, 0
        if book.lots * lots >= 0:
            book.cost += notional
        else:
            book.cost = floor(Fraction(book.cost * abs(after), abs(book.lots)))
        book.lots = after
        book.trade_cash_flow -= notional + fee
        self.cash -= notional + fee
        self.fees += fee
        self._tell(
            FactKind.FILL, open_ms, index, reason, trade=book.trade, lots=lots, price=price, fee=fee,
            cash_flow=-notional - fee, decision_ms=decision_ms, position=after, trade_cash_flow=book.trade_cash_flow,
        )  # fmt: skip
        if after == 0:
            self.trades += 1
            if book.trade_cash_flow < 0 and self.protections.cooldown_ms:
                book.cooldown_until = open_ms + self.protections.cooldown_ms
            book.stop = book.take = book.trail_e8 = book.cost = 0

    def _liquidation(self, book: Book) -> int:
        terms = book.terms
        average = Fraction(book.cost, book.lots * terms.unit_value)
        maintenance = Fraction(terms.maintenance_e8, ONE)
        if book.side > 0:
            return ceil(average * (1 - Fraction(1, terms.leverage)) / (1 - maintenance))
        return floor(average * (1 + Fraction(1, terms.leverage)) / (1 + maintenance))

    def _mark(self, open_ms: int) -> None:
        if open_ms // DAY_MS > self.day:
            self.day, self.day_equity = open_ms // DAY_MS, self.equity
            if self.day_locked:
                self.day_locked = False
                self._tell(FactKind.UNLOCK, open_ms, -1, Reason.DAILY_LOSS)
        self.equity = self.cash + sum(book.lots * book.mark * book.terms.unit_value for book in self.books)
        self.peak = max(self.peak, self.equity)
        self.last_ms = open_ms
        daily, drawdown = self.protections.daily_loss_stop, self.protections.drawdown_stop
        if daily and not self.day_locked and self.day_equity - self.equity >= daily * self.day_equity:
            self.day_locked = True
            self._lock(open_ms, Reason.DAILY_LOSS)
        if drawdown and not self.drawdown_locked and self.peak - self.equity >= drawdown * self.peak:
            self.drawdown_locked = True
            self._lock(open_ms, Reason.DRAWDOWN)

    # ---- people ----------------------------------------------------------------------------------------------------

    def command(self, kind: str, market: int, open_ms: int) -> None:
        """Obey pause, resume, close, stop or unlock."""
        chosen = range(len(self.books)) if market < 0 else [market]
        match kind:
            case "pause":
                self.paused = True
                self._tell(FactKind.LOCK, open_ms, -1, Reason.PAUSED)
                for index in range(len(self.books)):
                    self._miss(index, open_ms, Reason.PAUSED)
            case "resume":
                self.paused = False
                self._tell(FactKind.UNLOCK, open_ms, -1, Reason.PAUSED)
            case "close":
                for index in chosen:
                    self._close_next(index, open_ms, Reason.COMMAND)
            case "stop":
                self.paused = True
                self._lock(open_ms, Reason.KILL_SWITCH)
            case "unlock":
                for index in chosen:
                    book = self.books[index]
                    if max(*book.blocked.values(), book.cooldown_until) > open_ms:
                        self._tell(FactKind.UNLOCK, open_ms, index, Reason.COMMAND)
                    book.blocked, book.cooldown_until = {1: 0, -1: 0}, 0
                if market < 0 and self.day_locked:
                    self.day_locked, self.day_equity = False, self.equity
                    self._tell(FactKind.UNLOCK, open_ms, -1, Reason.DAILY_LOSS)
                if market < 0 and self.drawdown_locked:
                    self.drawdown_locked, self.peak = False, self.equity
                    self._tell(FactKind.UNLOCK, open_ms, -1, Reason.DRAWDOWN)

    def _lock(self, open_ms: int, reason: Reason) -> None:
        self._tell(FactKind.LOCK, open_ms, -1, reason)
        for index in range(len(self.books)):
            self._close_next(index, open_ms, reason)

    def _close_next(self, index: int, open_ms: int, reason: Reason) -> None:
        book = self.books[index]
        self._miss(index, open_ms, reason)
        is_forced = book.order is not None and book.order.target == 0 and book.order.reason in FORCED
        if book.lots and not is_forced:
            book.order = Order(0, open_ms + 60_000, 0, reason)

    def _miss(self, index: int, open_ms: int, reason: Reason) -> None:
        book, order = self.books[index], self.books[index].order
        if order is None:
            return
        reverses = order.target * book.lots < 0
        if not reverses and abs(order.target) <= abs(book.lots):
            return
        self._tell(FactKind.MISSED, open_ms, index, reason, decision_ms=order.decision_ms)
        if reverses:
            order.target = 0
        else:
            book.order = None

    def _tell(
        self, kind: FactKind, ms: int, market: int, reason: Reason, *, trade: int = 0, lots: int = 0, price: int = 0,
        fee: int = 0, cash_flow: int = 0, decision_ms: int = 0, position: int = 0, trade_cash_flow: int = 0,
        rate: int = 0,
    ) -> None:  # fmt: skip
        self.facts.append(
            (int(kind), ms, market, trade, lots, price, fee, cash_flow, int(reason), decision_ms, position,
             trade_cash_flow, rate)
        )  # fmt: skip
