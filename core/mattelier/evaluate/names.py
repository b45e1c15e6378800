"""Names that the command line offers, apart from what makes them (which imports OpenCV)."""

HINTS = ("none", "exact", "blocks", "fat", "thin", "shifted", "click", "box", "trimap")
MEASURES = ("masks", "detail", "mattes", "video", "upscale", "looks", "instances", "clicks")
CORRUPTIONS = "jpeg30,noise15,ev+1.5,ev-1.5,size25,size400,rot90,grey"
