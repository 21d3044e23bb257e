"""Words that say nothing about a text: short lists, since BM25's idf already gives them little weight.

They are left out to keep vectors and postings short. Languages without a list index every word.
"""

from __future__ import annotations

_WORDS = {
    "english": """a about after all also an and any are as at be because been but by can could did do does for
        from had has have he her his how i if in into is it its may more most no not of on or other our
        s she should so some such t than that the their them then there these they this those to too
        was we were what when where which who why will with would you your""",
    "german": """aber als am an auch auf aus bei bin bis da das dass dem den der des die dies diese du durch
        ein eine einem einen einer eines er es für hat ich ihr im in ist ja kann mit nach nicht noch nur
        oder ohne sein sich sie sind so über um und uns von vor war was wenn wer wie wir wird zu zum zur""",
    "french": """à au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui mais me
        même mes mon ne nos notre nous on ou où par pas pour qu que qui sa se ses si son sont sur ta te
        tu un une vous y a ai d l c n s j m t""",
    "spanish": """a al ante como con contra cual de del desde donde el ella ellos en entre era es esa ese esta
        este ha hay la las le les lo los me mi muy más ni no nos o para pero por que qué se si sin sobre
        son su sus te tu un una uno y ya yo""",
    "italian": """a ad al alla alle anche che chi ci come con cui da dal dalla dei del della delle di e è ed gli
        ha hanno i il in io la le lo ma mi ne nei nel nella no non o per più quale questa questo se si
        sono su sua suo tra un una uno vi""",
    "portuguese": """a ao aos as até com como da das de do dos e é ela ele em entre era essa esse esta este eu foi
        há isso já la lhe mais mas me mesmo na não nas no nos o os ou para pela pelo por qual que quem
        se sem ser seu sua são também te tem um uma você""",
    "dutch": """aan al als bij dan dat de der die dit doch door een en er ge had heb heeft het hier hij hoe ik
        in is ja je kan maar me met mijn na naar niet nog nu of om ook op over te tot uit van veel voor
        wat we wel wij wordt zal ze zich zij zijn zo""",
}
STOPWORDS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
