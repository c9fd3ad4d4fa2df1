"""The keys of the schema: dotted, as sections have them, and short, as options and --set take them."""

from .schema import Config

FIELDS = {
    section: {field.alias or name: field for name, field in home.annotation.model_fields.items()}
    for section, home in Config.model_fields.items()
}
"""{section: {key: its pydantic field}}"""
HOMES = {
    key: [f"{section}.{key}" for section, keys in FIELDS.items() if key in keys]
    for key in dict.fromkeys(key for keys in FIELDS.values() for key in keys)
}
"""{key: the dotted keys that end in it}"""
SHORT_KEYS = {key: homes[0] for key, homes in HOMES.items() if len(homes) == 1 and key != "name"}
SHORT_KEYS |= {"lambda_": "loss.lambda", "loss": "loss.criterion", "optimizer": "optimizer.name"}
"""{short key: dotted key} for options and --set; not ``name``, which does not say of what."""
