"""Names in C: identifiers, and texts as strings and comments."""

import re

#: Words of C99, C11, C23 and C++ that no identifier may be.
KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
    const_cast constexpr continue default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast restrict return
    short signed sizeof static static_assert static_cast struct switch template this thread_local
    throw true try typedef typeid typename typeof typeof_unqual union unsigned using virtual void
    volatile wchar_t while xor xor_eq"""

#: Headers of C99 and C11, in place of which compilers would find a model's own.
HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar
    wchar wctype"""


def check_name(name):
    """Raise unless the name can begin those of functions, macros and files in C."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, not {name!r}.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"name={name!r} is no identifier of C: it must begin with a letter, and have only "
            "letters, digits and underscores of ASCII."
        )
    if name in KEYWORDS.split():
        raise ValueError(f"name={name!r} is a keyword of C or C++; choose another one.")
    if name.lower() in HEADERS.split():
        raise ValueError(
            f"name={name!r} makes a file {name}.h, which has the name of a header of C that others "
            f"include; choose another one, such as {name}_model."
        )


def named(text, name):
    """A text with the name of a model for NAME, and with its capitals for BIG."""
    return re.sub("NAME|BIG", lambda found: name if found[0] == "NAME" else name.upper(), text)


def string(text):
    """A text as a string of C: UTF-8, of which all but plain ASCII is escaped."""
    found = []
    for byte in str(text).encode("utf-8", "surrogatepass"):
        char = chr(byte)
        if 32 <= byte < 127 and char not in '"\\?':
            found.append(char)
        else:
            found.append(f"\\{byte:03o}")
    return f'"{"".join(found)}"'


def comment(text):
    """A text that can be within a comment of C: one line, without its end."""
    escaped = str(text).encode("unicode_escape").decode("ascii")
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", escaped)
