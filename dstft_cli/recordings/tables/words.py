"""The words that loggers use for time, counters, rates and steps, in a dozen languages: one line for each thing.

All are compared in lower case and without accents. A logger that uses another word needs that word here, and nothing else.
"""

import re
import unicodedata


def plain(text: str) -> str:
    """The text in lower case, without accents, the micro sign written as u."""
    return without_accents(text).lower()


def without_accents(text: str) -> str:
    """The text without accents, the micro sign written as u."""
    text = unicodedata.normalize("NFKD", text.replace("µ", "u").replace("μ", "u"))
    return "".join(c for c in text if not unicodedata.combining(c))


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case: ["time", "stamp"] for "Time_Stamp 2" or "TimeStamp"."""
    return re.findall(r"[^\W\d_]+", plain(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", without_accents(name))))


TIME = set(
    "time times timestamp timestamps timer elapsed epoch unix clock datetime date utc gmt zeit zeitpunkt zeitstempel uhrzeit "
    "datum temps horodatage heure tiempo hora fecha tempo ora tijd tijdstip tid tidspunkt aika czas cas cass ido zaman "
    "saat время дата час 時間 時刻 时间 시간 waktu thoigian chronos".split()
)
SINCE = set(
    "since from start elapsed begin beginning boot offset".split()
)  # after a unit of time: "milliseconds since start"
EXCEL = set("excel ole datenum serial".split())  # beside "date" or "time": days, as spreadsheets and MATLAB count them

COUNTER = set(
    "# index idx sample samples n no nr num number i k row rows id uid count counter counts cnt frame frames point points pt seq "
    "sequence record records rec recnum scan scans line lines step steps cycle tick ticks obs observation event entry item pos "
    "reading measurement unnamed nseq packet serial lfd pkt order ordinal "
    "punkt zeile messung messwert nummer datensatz satz abtastwert laufnummer "
    "echantillon ligne numero mesure indice enregistrement muestra fila linea registro lectura campione riga misura "
    "monster regel rij meting amostra linha numer probka wiersz номер отсчет строка точка измерение 番号 序号".split()
)

NO_TIME = {  # words of a quantity that something is swept or scanned over, and what it is
    "frequency": "frequency frequencies freq frequenz frequence frecuencia frequenza hz khz mhz ghz order частота",
    "angle": "angle deg degree degrees rad azimuth elevation phase theta winkel angulo angolo угол",
    "position": "position pos distance depth height length displacement travel location weg tiefe strecke abstand hohe "
    "profondeur profundidad distancia latitude longitude lat lon x y z radius",
    "wavelength": "wavelength wavenumber lambda wellenlange longueur energy",
    "speed": "rpm speed velocity drehzahl",
    "temperature": "temperature temp temperatur",
    "pressure or force": "pressure force load stress strain druck kraft torque",
    "voltage or current": "voltage current bias potential spannung strom volt volts",
    "concentration": "concentration dose ph dilution",
}

RATE = (  # of a line that declares the sampling rate
    r"sampl\w*[\s_.-]*(?:rate|freq\w*)",
    r"(?:acquisition|acq|scan|scanning|recording|logging|digiti[sz]\w*)[\s_.-]*(?:rate|freq\w*)",
    r"data[\s_.-]*rate",
    r"(?:output[\s_.-]*data[\s_.-]*rate|odr)",
    r"rate[\s_.-]*of[\s_.-]*sampling",
    r"s\.?r\.?",
    r"f_?s(?:ample|ampling)?",
    r"s_?freq\w*",
    r"abtast[\s_-]*(?:rate|frequenz)|mess(?:rate|frequenz)|samplingrate",
    r"(?:frequence|taux|cadence)[\s_]*d['’\s_]*(?:echantillonnage|acquisition)",
    r"(?:frecuencia|tasa|velocidad)[\s_]*de[\s_]*(?:muestreo|adquisicion)",
    r"(?:frequencia|taxa)[\s_]*de[\s_]*amostragem",
    r"frequenza[\s_]*di[\s_]*campionamento",
    r"(?:bemonsterings|sample)[\s_]*frequentie",
    r"czestotliwosc[\s_]*probkowania",
    r"частота[\s_]*(?:дискретизации|опроса)",
    r"samplingsfrekvens|ornekleme[\s_]*frekansi",
    r"サンプリング(?:周波数|レート)|采样(?:率|频率)",
    r"samples?[\s_]*(?:/|per)[\s_]*(?:s|sec|second)\b",
)
WEAK_RATE = (r"freq(?:uency)?|frequenz|frequence|frecuencia|rate|hz|k?sps",)  # only where it is the whole label

STEP = (  # of a line that declares the time between samples
    r"sampl\w*[\s_.-]*(?:interval|period|time|spacing|step|int)",
    r"(?:log|logging|scan|recording|acquisition|measurement|storage)[\s_.-]*(?:interval|period)",
    r"time[\s_.-]*(?:step|increment|interval|resolution|per[\s_]*sample|base[\s_]*resolution)",
    r"(?:x|t|horizontal|hor)[\s_.-]*(?:inc|incr|increment|interval|resolution)",
    r"delta[\s_.-]*[xt]|d_?[xt]|[xt]_?delta|wf_increment",
    r"(?:abtast|mess|sampling)[\s_-]*intervall|abtastzeit|zeitschritt|messintervall",
    r"(?:pas|intervalle|periode)[\s_]*d['’\s_]*(?:e[\s_]*temps|echantillonnage|acquisition)",
    r"(?:intervalo|periodo)[\s_]*de[\s_]*(?:muestreo|amostragem)",
    r"(?:intervallo|periodo)[\s_]*di[\s_]*campionamento",
    r"(?:период|интервал)[\s_]*(?:дискретизации|опроса)",
)
WEAK_STEP = (r"interval|increment|step|intervall|intervalle|intervalo",)  # only where it is the whole label
NO_RATE = (  # before such words: another rate, or one that was changed afterwards
    r"(?:down|re|over|under|sub|up|decimat\w*|resampl\w*)[\s_-]*$",
    r"(?:heart|frame|baud|bit|pulse|refresh|cut-?off|corner|cent(?:er|re)|carrier|mains|line|signal|filter|nyquist|analysis)[\s_-]*$",
)
COUNT = (  # of a line that declares the number of samples
    r"n[\s_]*pts|npoints|num(?:ber)?[\s_]*(?:of[\s_]*)?(?:samples|points|data|values)|no\.?[\s_]*of[\s_]*(?:samples|points|data)",
    r"(?:record|memory|waveform)[\s_]*length|samples|points|data[\s_]*points|sample[\s_]*count|n_?samples",
    r"anzahl[\s_]*(?:der[\s_]*)?(?:werte|punkte|messwerte|abtastwerte)|nombre[\s_]*(?:de[\s_]*|d['’])(?:points|echantillons)",
)
DURATION = (
    r"duration|duration[\s_]*time|record(?:ing)?[\s_]*(?:time|length|duration)|dauer|messdauer|duree|duracion|durata",
)

NAMES = (
    r"labels?|(?:channel|trace|signal)[\s_]*(?:titles?|names?|labels?)|channels?|names?|signals?|columns?|kanal\w*|title",
)
UNITS = (r"[vy]?units?|unit[\s_]*names?|y_unit_label|einheit(?:en)?|unites?|unidad(?:es)?|unita|eenheid",)
