"""A strategy that freqtrade runs in an environment of its own; see freqtrade_bot.py."""

from freqtrade.strategy import IStrategy


class AtOnce(IStrategy):
    """Enters a pair as soon as it has a candle, and leaves when it is told, or by its stop."""

    INTERFACE_VERSION = 3
    process_only_new_candles = False

    def populate_indicators(self, dataframe, _):
        return dataframe

    def populate_entry_trend(self, dataframe, _):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, _):
        return dataframe
