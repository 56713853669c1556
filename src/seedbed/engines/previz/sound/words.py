"""Words that make a subject more particular than its name: a helicopter among planes, an owl among birds."""

from __future__ import annotations

from seedbed.engines.previz.script import Shot

_NAMED = {
    "gull": "gull seagull чайк* martı* mewa mewy 海鸥* 海鷗*",
    "owl": "owl сова совы сову baykuş* sowa sowy 猫头鹰* 貓頭鷹*",
    "crow": "crow raven ворон* karga* kruk* wron* 乌鸦* 烏鴉*",
    "eagle": "eagle hawk falcon орел орёл орл* сокол* kartal* orzeł orł* 鹰* 鷹*",
    "waterfowl": "duck goose geese swan утк* гус* лебед* ördek* kuğu* kaczk* gęs* łabęd* 鸭* 鴨* 鹅* 鵝* 天鹅* 天鵝*",
    "wolf": "wolf wolves волк* kurt kurtlar* wilk* 狼*",
    "big_cat": "lion tiger leopard cheetah panther лев льв* тигр* aslan* kaplan* lew lwa tygr* 狮* 獅* 虎*",
    "bee": "bee insect dragonfly пчел* пчёл* arılar pszcz* 蜜蜂*",
    "silent": "butterfly butterflies firefly fireflies rabbit unicorn бабочк* kelebek* motyl* 蝴蝶*",
    "beast": "bear dragon dinosaur медвед* дракон* ayı niedźwied* smok* 熊* 龙* 龍*",
    "calm": "portrait face sit sitting stand standing sleep sleeping swimmer surfer surfing cyclist skier skiing "
    "climber lie lying model closeup портрет* лицо* сидит сидят стоит стоят portre* oturan* portret* 肖像* 坐* 站*",
    "piano": "piano пианино рояль фортепиан* piyano* fortepian* 钢琴* 鋼琴*",
    "guitar": "guitar harp гитар* арф* gitar* gitara* 吉他*",
    "flute": "flute whistle флейт* flüt* flet* 笛*",
    "drums": "drum drumming drummer барабан* davul* bęb* 鼓*",
    "whale": "whale orca кит кита киты balina* wielory* 鲸* 鯨*",
    "helicopter": "helicopter вертолет* вертолёт* helikopter* 直升*",
    "propeller": "biplane propeller биплан* 双翼*",
    "rocket": "rocket ракет* roket* rakiet* 火箭*",
    "spaceship": "spaceship spacecraft satellite ufo 飞船* 飛船*",
    "steam": "steam locomotive паровоз* buharlı* lokomotyw* parow* 蒸汽*",
    "oars": "canoe kayak rowing gondola raft лодк* лодок kayık* sandal* łódź łodzi kajak* 小船* 独木舟*",
    "sail": "sail yacht sailboat sailing парус* yelken* żagl* 帆*",
    "bicycle": "bicycle bike cyclist велосипед* bisiklet* rower rowerz* 自行车*",
    "storm": "storm stormy thunder lightning thunderstorm hurricane typhoon rainstorm гроза грозы грозой буря бури "
    "бурей fırtına* burz* 雷* 闪电* 閃電* 暴风* 暴風*",
    "heavy": "downpour heavy monsoon ливень ливн* sağanak* ulew* 暴雨* 大雨*",
    "fall": "waterfall cascade водопад* şelale* wodospad* 瀑布*",
    "applause": "applause applauding applaud clapping cheering аплод* alkış* okla* 掌声* 掌聲*",
    "clock": "clock часы часов saat* zegar* 时钟* 時鐘*",
    "gale": "gale blizzard snowstorm storm stormy hurricane typhoon вьюг* метел* буря fırtına* wichur* 狂风* 狂風*",
}
"""What is asked for by `named`, and the words for it; a stem ends in "*", any other word may take an "s"."""


def named(shot: Shot, what: str) -> bool:
    """Whether the prompt used one of the words of `_NAMED[what]`."""
    words = _NAMED[what].split()
    stems = tuple(word[:-1] for word in words if word.endswith("*"))
    whole = {word + end for word in words for end in ("", "s")}
    said = (word for entry in (*shot.known, *shot.unknown) for word in entry.casefold().split())
    return any(word in whole or word.startswith(stems) for word in said)
