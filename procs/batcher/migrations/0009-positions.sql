-- Positions as the batcher keeps them, so that they need not be added up from all trades; the view stays, and needs no table.
-- depends: 0008-candles

CREATE TABLE position_states (
    user_id integer NOT NULL,
    symbol text NOT NULL,
    quantity numeric NOT NULL,
    cost numeric NOT NULL,
    realised numeric NOT NULL,
    fills bigint NOT NULL,
    PRIMARY KEY (user_id, symbol)
) WITH (fillfactor = 50);

-- Positions that position_states does not have, because a correction, or a row that was refused, has changed what they
-- are made of: the batcher works them out again. `version` tells one change from the next;
-- who is given up is not kept: its position is beyond all bounds, or refused by a table that somebody has changed.
CREATE TABLE position_gaps (
    user_id integer NOT NULL,
    symbol text NOT NULL,
    version bigint GENERATED ALWAYS AS IDENTITY,
    is_given_up boolean NOT NULL DEFAULT false,
    PRIMARY KEY (user_id, symbol)
);

INSERT INTO position_gaps (user_id, symbol)
SELECT maker_user_id, symbol FROM trades
UNION
SELECT taker_user_id, symbol FROM trades;
