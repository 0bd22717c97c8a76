"""What Lockstep's FIX messages may hold, for FIX.4.2 and FIX.4.4: fields, formats, values, required tags, groups.

It is data, which `rules` turns into tables; it never looks at a message.
"""

from __future__ import annotations

from typing import NamedTuple

VERSIONS = (42, 44)
# The highest tag of each version's own dictionary; user-defined tags begin at 5000.
LAST_TAG = {42: 446, 44: 956}
# Tags of later versions, or of the venue's own, that it reads all the same: DisplayQty, ContingencyType,
# SelfMatchPreventionInstruction, and what a post-only order does that would trade.
FAR = (1138, 1385, 2964, 9479)

HEADER = "8 9 35 49 56 34 43 97 52 122 50 57 115 116 128 129 142 143 144 145 90 91 212 213 347 369 370 627 628 629 630"
TRAILER = "93 89 10"

FORMATS = {
    "length": "9 90 93 95 212 348 350 352 354 356 358 360 362 364 445 618 621",
    "seqnum": "34 7 16 36 45 369 789",
    "int": "98 108 371 373 374 380 383 452 453 802 803 78 386 529 581 582 585 589 590 635 67 68 73 394 836 1385 2964",
    "float": "6 14 31 32 38 44 99 110 111 140 151 152 210 211 218 223 240 516 640 854 1138",
    "char": "13 20 21 39 40 54 59 81 150 530 9479",
    "bool": "43 97 113 114 121 123 130 141 208 464",
    "utc": "52 60 122 126 168 370",
    "text": "58 107 147 148 554",
    "data": "89 91 96 213 349 351 353 355 357 359 361 363 365 446 619 622",
}
VALUES = {
    21: "123",
    40: "123456789ABCDEFGHIJKLMPQ",
    54: "123456789ABCDEFG",
    59: "01234567",
    530: "123456789",
    9479: "RP",
}

INSTRUMENT_42 = "55 65 48 22 167 200 201 202 205 206 207 223 231 106 107 348 349 350 351"
INSTRUMENT_44 = (
    INSTRUMENT_42 + " 460 461 541 224 225 239 226 227 228 255 543 470 471 472 240 947 691 667 875 876 873 874"
)
ORDER_42 = (
    INSTRUMENT_42
    + " 11 109 76 1 78 79 80 63 64 21 18 110 111 100 386 336 81 140 54 114 60 38 152 40 44 99 15 376 377 23"
    " 117 59 168 432 126 12 13 47 121 120 58 354 355 193 192 77 203 204 210 211 388 389 439 440 337 375 528 529"
)
ORDER_44 = (
    ORDER_42
    + " 526 453 448 447 452 802 523 803 229 581 582 583 591 70 467 625 311 229 854 516 468 469 423 218 220 221 222"
    " 662 663 699 761 427 775 544 635 640 847 848 849 494 483 660 66 589 590 480 481 513 835 836 837 838 840"
)
CANCEL_EXTRA = " 41 37 66 586 582 453 448 447 452 802 523 803 439 440 376 377 583"
FURTHER_TERMS = " 1138 2964 9479"
# What one order of a list may have. Groups inside a group are not taken.
LIST_ENTRY = (
    "11 67 526 583 1 21 18 110 111 63 64 100 81 55 65 48 22 167 207 54 114 60 38 152 40 44 99 15 376 377 23 117 59 168"
    " 432 126 12 13 47 120 121 58 77 203 204 210 211 388 389 528 529 582 835 836 837 838 840" + FURTHER_TERMS
)
LIST_BODY = "66 390 391 394 414 415 433 69 68 73 1385"
STATUS_BODY = "37 11 109 76 1 526 583 790 54 660"
REQUIRED_HEADER = "49 56 34 52"


class Type(NamedTuple):
    """A message type: the tags of its body, and those of them that must be there."""

    name: str
    allowed: str
    required: str


ADMIN = {
    "0": Type("Heartbeat", "112", ""),
    "1": Type("TestRequest", "112", "112"),
    "2": Type("ResendRequest", "7 16", "7 16"),
    "3": Type("Reject", "45 371 372 373 58 354 355", "45"),
    "4": Type("SequenceReset", "123 36", "36"),
    "5": Type("Logout", "58 354 355", ""),
    "A": Type("Logon", "98 108 95 96 141 383 384 385 372 789 464 553 554", "98 108"),
}
BUSINESS_REJECT = Type("BusinessMessageReject", "45 372 379 380 58 354 355", "372 380")

TYPES: dict[int, dict[str, Type]] = {
    42: {
        **ADMIN,
        "j": BUSINESS_REJECT,
        "D": Type("NewOrderSingle", ORDER_42 + FURTHER_TERMS, "11 21 55 54 60 40"),
        "E": Type("NewOrderList", LIST_BODY, "66 394 68 73"),
        "H": Type("OrderStatusRequest", STATUS_BODY + " " + INSTRUMENT_42, "11 55 54"),
        "F": Type("OrderCancelRequest", ORDER_42 + CANCEL_EXTRA, "41 11 55 54 60"),
        "G": Type("OrderCancelReplaceRequest", ORDER_42 + FURTHER_TERMS + CANCEL_EXTRA, "41 11 21 55 54 60 38 40"),
    },
    44: {
        **ADMIN,
        "j": BUSINESS_REJECT,
        "D": Type("NewOrderSingle", ORDER_44 + " " + INSTRUMENT_44 + FURTHER_TERMS, "11 55 54 60 40"),
        "E": Type("NewOrderList", LIST_BODY + " 480 481 513 765", "66 394 68 73"),
        "H": Type("OrderStatusRequest", STATUS_BODY + " " + INSTRUMENT_44, "11 55 54"),
        "q": Type("OrderMassCancelRequest", "11 526 530 336 625 54 60 58 " + INSTRUMENT_44, "11 530 60"),
        "F": Type("OrderCancelRequest", ORDER_44 + " " + INSTRUMENT_44 + CANCEL_EXTRA, "41 11 55 54 60"),
        "G": Type(
            "OrderCancelReplaceRequest",
            ORDER_44 + " " + INSTRUMENT_44 + FURTHER_TERMS + CANCEL_EXTRA,
            "41 11 55 54 60 38 40",
        ),
    },
}
# Counting tag → tags of an entry, the first of which begins each entry. Those in NESTED may repeat freely inside.
GROUPS = {
    73: LIST_ENTRY,
    78: "79 80 661 467",
    386: "336 625",
    453: "448 447 452 802 523 803",
}
NESTED = "802 523 803"

# Every MsgType of the version, so that an unsupported one is told from one that does not exist.
_SHARED = "0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K L M N P Q R S T V W X Y Z a b c d e f g h i j k l m"
KNOWN_TYPES = {
    42: _SHARED,
    44: _SHARED
    + " n o p q r s t u v w x y z AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV AW AX AY"
    " AZ BA BB BC BD BE BF BG BH",
}


def numbers(text: str) -> list[int]:
    """The tags of a list in a string, each once."""
    return sorted({int(word) for word in text.split()})
