// What programs need to trade here by a key: a few lines for each of three clients that people have. Only URLs and the key
// differ from what they write for any other venue.

/** A key, and where it is good. `secret` is null where its owner keeps a private key. */
export interface Access {
  http: string;
  ws: string;
  key: string;
  secret: string | null;
}

export const CLIENTS = ["ccxt", "python-binance", "freqtrade"] as const;
export type Client = (typeof CLIENTS)[number];

/** The file that a snippet takes a private key from. */
export const PRIVATE_KEY = "private.pem";

export function snippet(client: Client, access: Access): string {
  return { ccxt, "python-binance": pythonBinance, freqtrade }[client](access);
}

function ccxt({ http, ws, key, secret }: Access): string {
  const signing = secret === null ? `open("${PRIVATE_KEY}").read()` : JSON.stringify(secret);
  return `import re
import ccxt

venue = ccxt.binance({
    "apiKey": ${JSON.stringify(key)},
    "secret": ${signing},
})
api = venue.urls["api"]
for name, url in api.items():
    if isinstance(url, str):
        api[name] = re.sub("https://[^/]+", "${http}", url)
if "ws" in api:  # of ccxt.pro
    api["ws"]["spot"] = "${ws}/ws"
    api["ws"]["ws-api"]["spot"] = "${ws}/ws-api/v3"
print(venue.fetch_balance()["total"])
`;
}

function pythonBinance({ http, ws, key, secret }: Access): string {
  const signing = secret === null ? `private_key=Path("${PRIVATE_KEY}")` : JSON.stringify(secret);
  return `${secret === null ? "from pathlib import Path\n" : ""}from binance import AsyncClient, BinanceSocketManager, Client
from binance.client import BaseClient

for each in (BaseClient, Client, AsyncClient):
    each.API_URL = "${http}/api"
    each.MARGIN_API_URL = "${http}/sapi"
    each.WS_API_URL = "${ws}/ws-api/v3"
BinanceSocketManager.STREAM_URL = "${ws}/"
client = Client(
    ${JSON.stringify(key)},
    ${signing},
)
print(client.get_account()["balances"])
`;
}

function freqtrade({ http, ws, key, secret }: Access): string {
  const urls = {
    public: `${http}/api/v3`,
    private: `${http}/api/v3`,
    sapi: `${http}/sapi/v1`,
    fapiPublic: `${http}/fapi/v1`,
    dapiPublic: `${http}/dapi/v1`,
    ws: { spot: `${ws}/ws`, "ws-api": { spot: `${ws}/ws-api/v3` } },
  };
  const exchange = {
    name: "binance",
    key,
    secret: secret ?? `the text of ${PRIVATE_KEY}, with \n for each end of a line`,
    ccxt_config: { urls: { api: urls } },
  };
  return `${JSON.stringify({ exchange }, null, 2)}\n`;
}
