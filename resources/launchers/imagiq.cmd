@rem The `imagiq` command of an installed ImagiQ: its own Node on its own sources, whatever the machine has.
@"%~dp0..\node\node.exe" "%~dp0..\app.asar.unpacked\scripts\imagiq.mjs" %*
