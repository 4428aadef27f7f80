#!/bin/sh
# Makes the 20 s test stream in segments/: 10 pieces of 2 s, H.264 baseline and AAC in MPEG-TS, about 420 KB together.
# Needs ffmpeg with libx264 and freetype, and the DejaVu fonts. The result is committed; run this only to change it.
set -eu
cd "$(dirname "$0")"
rm -rf segments && mkdir segments
font=$(fc-match -f '%{file}' 'DejaVu Sans:bold')
mono=$(fc-match -f '%{file}' 'DejaVu Sans Mono:bold')
# A key frame every 2 s and no scene-cut key frames: each piece starts with one and lasts exactly 50 frames.
ffmpeg -v error -nostdin \
  -f lavfi -i "color=c=0x191326:s=640x360:r=25:d=20" \
  -f lavfi -i "color=c=0xd6336c:s=54x54:r=25:d=20" \
  -f lavfi -i "color=c=0x3bc9db:s=30x30:r=25:d=20" \
  -f lavfi -i "sine=frequency=220:sample_rate=48000:duration=20" \
  -filter_complex "
    [0:v][1:v]overlay=x='(W-w)/2+(W-w)/2*sin(2*PI*t/10)':y='(H-h)/2-60*cos(2*PI*t/5)'[a];
    [a][2:v]overlay=x='(W-w)/2+(W-w)/2*cos(2*PI*t/20)':y='(H-h)/2+(H-h)/2*sin(2*PI*t/4)'[b];
    [b]drawtext=fontfile=$font:text='Stagedoor test stream':fontsize=34:fontcolor=white:x=(w-tw)/2:y=64,
       drawtext=fontfile=$mono:text='%{eif\:t\:d\:2}.%{eif\:mod(t*10,10)\:d}':fontsize=84:fontcolor=white:x=(w-tw)/2:y=(h-th)/2+10,
       drawtext=fontfile=$font:text='seconds of 20, then again':fontsize=18:fontcolor=0xb9b3c9:x=(w-tw)/2:y=276,format=yuv420p[v];
    [3:a]volume='0.03*(1+sin(2*PI*t/4))':eval=frame[s]" \
  -map '[v]' -map '[s]' \
  -c:v libx264 -profile:v baseline -level 3.0 -preset veryslow -crf 24 -maxrate 220k -bufsize 440k \
  -g 50 -keyint_min 50 -sc_threshold 0 -c:a aac -b:a 32k -ac 1 -flags +bitexact \
  -f hls -hls_time 2 -hls_list_size 0 -hls_flags independent_segments -hls_segment_filename 'segments/%03d.ts' segments/list.m3u8
grep -c '^#EXTINF:2.000000,' segments/list.m3u8 | grep -qx 10 || { echo "pieces are not 10 x 2 s:" >&2; cat segments/list.m3u8 >&2; exit 1; }
rm segments/list.m3u8
du -cb segments/*.ts | tail -n 1
