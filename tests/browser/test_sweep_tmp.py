"""Dev sweep"""
import time, pytest, json
from tests.browser import axe
from tests.browser.watched import PHONE, WIDE
pytestmark = pytest.mark.asyncio(loop_scope="session")
DOCS=None
async def sweep(browsers, person, pages):
    found=set()
    for scheme in ("light","dark"):
        for name, size in (("wide",WIDE),("phone",PHONE)):
            w = await browsers.of(person, color_scheme=scheme, viewport=size, expected="40[34]")
            page = await w.context.new_page()
            for path in pages:
                t=time.time(); await page.goto(path); t1=time.time()
                f = await axe.faults(page, grave=False); t2=time.time()
                over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over>0: found.add(f"OVERFLOW {name} {path} {over}")
                for x in f: found.add(f"{scheme} {name} {x}")
                print(scheme,name,path,round(t1-t,2),round(t2-t1,2),len(f),flush=True)
    return found
async def test_sweep(house, browsers, author):
    from seedbed.docsite import library
    names=[p.path for p in library.Library().book("en").pages]
    found = await sweep(browsers, author.person, author.pages)
    found |= await sweep(browsers, None, author.open_pages + [f"/docs/en/{n}" for n in names] + ["/docs/en/nowhere"])
    import re
    g={}
    for f in sorted(found):
        k=re.sub(r"http://[^ ]+:","URL:",f); g.setdefault(k,[]).append(f.split()[2] if "http" in f else f)
    out=open("/tmp/sweep.txt","w")
    for k,v in g.items(): out.write(f"{len(v)}x {k}\n    {sorted(set(v))[:6]}\n")
