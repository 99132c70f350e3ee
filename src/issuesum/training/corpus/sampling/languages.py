"""The same idea in four other languages, smaller: component, symptom and condition make a title."""

from __future__ import annotations

from typing import NamedTuple

from issuesum.training.corpus.sampling.facts import Facts
from issuesum.training.corpus.sampling.prose import Frames


class Language(NamedTuple):
    """Facts and frames of one language; the keys of the facts are the words of the title."""

    title: str
    parts: Facts
    symptoms: Facts
    conditions: Facts
    frames: Frames
    openings: tuple[str, ...]
    closings: tuple[str, ...]


GERMAN = Language(
    title="{part}: {symptom} {condition}",
    parts={
        "Dateiauswahl": ("das Fenster zum Öffnen von Dokumenten", "der Dialog für Dateien"),
        "Anmeldeformular": ("die Login-Seite", "die Maske für Name und Passwort"),
        "Suchindex": ("die Volltextsuche", "das Ding hinter dem Suchfeld"),
        "Sicherungsdienst": ("das nächtliche Backup", "der Prozess, der Kopien anlegt"),
        "Kartenansicht": ("die Seite mit den Straßen", "die geografische Darstellung"),
    },
    symptoms={
        "Absturz": ("beendet sich ohne Warnung", "stirbt mit einem Speicherzugriffsfehler"),
        "leere Anzeige": ("bleibt völlig weiß", "zeigt gar nichts an"),
        "falsche Uhrzeit": ("liegt um Stunden daneben", "verwechselt die Zeitzonen"),
        "verlorene Änderungen": ("vergisst meine letzte Arbeit", "springt auf einen alten Stand"),
    },
    conditions={
        "unter Windows": ("auf einem Microsoft-System", "auf meinem Win10-Rechner"),
        "nach dem Update": ("mit der neuesten Version", "seit der Umstellung letzte Woche"),
        "ohne Netzwerk": ("im Zug ohne WLAN", "im Offline-Betrieb"),
        "bei großen Dateien": ("mit mehreren Gigabyte an Daten", "mit riesigen Dokumenten"),
    },
    frames=(
        ("{Np} {vp}.", "Das passiert nur {cond}."),
        ("Es geht um einen Fehler {cond}.", "{Np} {vp}."),
    ),
    openings=("Hallo zusammen,", "Moin,", "Vielen Dank erst einmal für das Projekt!"),
    closings=("Viele Grüße", "Danke im Voraus!", "Bei Fragen bitte an {email} schreiben."),
)

SPANISH = Language(
    title="{part}: {symptom} {condition}",
    parts={
        "Selector de archivos": ("la ventana para abrir documentos", "el diálogo de ficheros"),
        "Formulario de acceso": ("la página de inicio de sesión", "la pantalla de la contraseña"),
        "Índice de búsqueda": ("la búsqueda de texto completo", "lo que hay tras el buscador"),
        "Servicio de copias": ("el respaldo nocturno", "el proceso que guarda copias"),
        "Vista de mapa": ("la página con las calles", "la representación geográfica"),
    },
    symptoms={
        "cierre inesperado": ("se cierra sin avisar", "muere con un fallo de segmentación"),
        "página en blanco": ("se queda totalmente en blanco", "no muestra nada"),
        "hora equivocada": ("se desvía varias horas", "confunde las zonas horarias"),
        "cambios perdidos": ("olvida mi último trabajo", "vuelve a un estado anterior"),
    },
    conditions={
        "en Windows": ("en un sistema de Microsoft", "en mi portátil con Win10"),
        "tras la actualización": ("con la última versión", "desde el cambio de la semana pasada"),
        "sin conexión": ("cuando no hay wifi", "en el tren sin internet"),
        "con archivos grandes": ("con varios gigabytes de datos", "con documentos enormes"),
    },
    frames=(
        ("{Np} {vp}.", "Solo ocurre {cond}."),
        ("He encontrado un error {cond}.", "{Np} {vp}."),
    ),
    openings=("Hola a todos:", "Buenos días,", "¡Gracias por este proyecto!"),
    closings=("Un saludo", "¡Gracias de antemano!", "Pueden escribirme a {email}."),
)

FRENCH = Language(
    title="{part} : {symptom} {condition}",
    parts={
        "Sélecteur de fichiers": ("la fenêtre d'ouverture de documents", "le dialogue de fichiers"),
        "Formulaire de connexion": ("la page d'identification", "l'écran du mot de passe"),
        "Index de recherche": (
            "la recherche en texte intégral",
            "ce qui se cache sous la recherche",
        ),
        "Service de sauvegarde": ("la copie nocturne", "le processus qui archive tout"),
        "Vue carte": ("la page avec les rues", "l'affichage géographique"),
    },
    symptoms={
        "plantage": ("se ferme sans prévenir", "meurt avec une erreur de segmentation"),
        "page blanche": ("reste totalement vide", "n'affiche rien du tout"),
        "heure erronée": ("se trompe de plusieurs heures", "confond les fuseaux horaires"),
        "modifications perdues": ("oublie mon dernier travail", "revient à un ancien état"),
    },
    conditions={
        "sous Windows": ("sur un système Microsoft", "sur mon portable Win10"),
        "après la mise à jour": ("avec la dernière version", "depuis le changement de lundi"),
        "sans réseau": ("quand il n'y a pas de wifi", "dans le train, hors ligne"),
        "avec de gros fichiers": ("avec plusieurs gigaoctets", "avec des documents énormes"),
    },
    frames=(
        ("{Np} {vp}.", "Cela arrive seulement {cond}."),
        ("J'ai trouvé un problème {cond}.", "{Np} {vp}."),
    ),
    openings=("Bonjour à tous,", "Salut,", "Merci beaucoup pour ce projet !"),
    closings=("Cordialement", "Merci d'avance !", "Vous pouvez m'écrire à {email}."),
)

PORTUGUESE = Language(
    title="{part}: {symptom} {condition}",
    parts={
        "Seletor de arquivos": ("a janela para abrir documentos", "a caixa de escolha de arquivos"),
        "Formulário de acesso": ("a página de login", "a tela da senha"),
        "Índice de busca": ("a pesquisa de texto completo", "o que fica atrás do campo de busca"),
        "Serviço de backup": ("a cópia noturna", "o processo que guarda cópias"),
        "Vista do mapa": ("a página com as ruas", "a exibição geográfica"),
    },
    symptoms={
        "fechamento inesperado": ("fecha sem aviso", "morre com falha de segmentação"),
        "página em branco": ("fica totalmente vazia", "não mostra nada"),
        "hora errada": ("erra por várias horas", "confunde os fusos horários"),
        "alterações perdidas": ("esquece meu último trabalho", "volta a um estado antigo"),
    },
    conditions={
        "no Windows": ("em um sistema da Microsoft", "no meu notebook com Win10"),
        "após a atualização": ("com a versão mais nova", "desde a mudança da semana passada"),
        "sem rede": ("quando não há wifi", "no trem, sem internet"),
        "com arquivos grandes": ("com vários gigabytes de dados", "com documentos enormes"),
    },
    frames=(
        ("{Np} {vp}.", "Isso só acontece {cond}."),
        ("Encontrei um erro {cond}.", "{Np} {vp}."),
    ),
    openings=("Olá a todos,", "Bom dia,", "Obrigado por este projeto!"),
    closings=("Um abraço", "Desde já agradeço!", "Podem escrever para {email}."),
)

LANGUAGES = (GERMAN, SPANISH, FRENCH, PORTUGUESE)
