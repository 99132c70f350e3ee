"""Languages of texts."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuesum.training.features.languages import UNKNOWN_LANGUAGE, language_counts


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "The application crashes when I open the settings page for the second time."),
        ("de", "Beim Öffnen der Einstellungen stürzt die Anwendung jedes Mal ab."),
        ("fr", "L'application se ferme toute seule quand j'ouvre la page des paramètres."),
        ("ru", "Приложение закрывается, когда я открываю страницу настроек второй раз."),
        ("zh", "我打开设置页面的时候，应用程序崩溃了，请问怎么解决？"),
        ("pt", "O aplicativo não abre quando você clica no botão de configurações."),
        (UNKNOWN_LANGUAGE, ""),
        (UNKNOWN_LANGUAGE, "404 500 2.1.0 +1 :-) !!! ok"),
        ("zh", "修复错误请问"),
        ("ko", "안녕하세"),
        (UNKNOWN_LANGUAGE, "→→→→→→"),
        (UNKNOWN_LANGUAGE, "1,5 €; 2,3 €; 4,5 €"),
        (UNKNOWN_LANGUAGE, "TypeError: undefined"),  # letters enough, but no language is probable
    ],
)
def test_the_language_of_a_text(code: str, text: str) -> None:
    assert language_counts([text]) == Counter({code: 1})


def test_only_the_beginning_counts() -> None:
    english = "This is a long report about a problem in the editor. " * 10
    assert language_counts([english + "Это уже другой язык. " * 500]) == Counter(en=1)


def test_texts_are_counted() -> None:
    english, german = "The window does not open any more.", "Das Fenster geht nicht mehr auf."
    assert language_counts(iter([english, german, english, ""])) == Counter(en=2, de=1, unknown=1)
    assert language_counts([]) == Counter()


@given(st.text(max_size=700))
def test_any_text_has_one_answer(text: str) -> None:
    ((code, count),) = language_counts([text]).items()
    assert count == 1
    assert code == UNKNOWN_LANGUAGE or (len(code) == 2 and code.isascii() and code.islower())


def test_a_second_process_gives_the_same_and_nothing_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from issuesum.training.features.languages import language_counts as count; "
        "print('py3langid' in sys.modules, dict(count(['Das Fenster geht nicht mehr auf.'])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False {'de': 1}\n", "")
