"""Films of prints: pictures while they print, a film when they have ended.

    octoprint.* events -> room -> Recorder -> camera -> Reel (pictures on disk) -> a job -> movie -> film

It knows the bus only, so it films a printer on another machine as well as one here. docs/timelapse.md.
"""
