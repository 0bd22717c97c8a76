from fractions import Fraction

from lockstep.procs.api.binance.order_forms import AmendForm, ListForm, OrderForm

ACCOUNT: int

class Probe:
    def check(self, form: OrderForm) -> dict[str, int | bytes]: ...
    def check_list(self, form: ListForm) -> tuple[dict[str, int | bytes], dict[str, int | bytes]]: ...
    def amendment(self, form: AmendForm) -> tuple[Fraction, bytes]: ...
