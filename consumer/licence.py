"""State licences: a learner's second number, by which state boards know them (dossier 2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

STATES = dict(
    pair.split(" ", 1)
    for pair in (
        "AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,"
        "DE Delaware,DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,"
        "IN Indiana,IA Iowa,KS Kansas,KY Kentucky,LA Louisiana,ME Maine,MD Maryland,"
        "MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,MO Missouri,MT Montana,"
        "NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York,"
        "NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,"
        "RI Rhode Island,SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,"
        "VT Vermont,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming,"
        "AS American Samoa,GU Guam,MP Northern Mariana Islands,PR Puerto Rico,VI Virgin Islands"
    ).split(",")
)
"""States and territories that license physicians: the two letters PARS takes, and the name."""

_BY_NAME = {name.casefold(): code for code, name in STATES.items()}


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence to practise; `state` is two letters, `number` as that state writes it."""

    state: str
    number: str = field(repr=False)


def state_code(text: str) -> str:
    """The two letters of a state given by letters or by name; "" for anything else."""
    folded = " ".join(text.split()).casefold()
    return _BY_NAME.get(folded) or (folded.upper() if folded.upper() in STATES else "")
