"""China's provinces and their cities, with the area codes of landlines (MIIT's numbering plan). Data.

Names are the short ones people say. A city is a prefecture (地级市, 自治州, 地区, 盟) or an area administered by its
province directly. Municipalities and special regions are provinces without cities.
"""

from __future__ import annotations

from typing import Final

PLACES: Final[dict[str, tuple[str, str]]] = {
    "北京": ("Beijing", "Beijing 10"),
    "天津": ("Tianjin", "Tianjin 22"),
    "上海": ("Shanghai", "Shanghai 21"),
    "重庆": ("Chongqing", "Chongqing 23"),
    "河北": (
        "Hebei",
        "石家庄 Shijiazhuang 311, 唐山 Tangshan 315, 秦皇岛 Qinhuangdao 335, 邯郸 Handan 310, 邢台 Xingtai 319, "
        "保定 Baoding 312, 张家口 Zhangjiakou 313, 承德 Chengde 314, 沧州 Cangzhou 317, 廊坊 Langfang 316, "
        "衡水 Hengshui 318, 雄安 Xiong'an",
    ),
    "山西": (
        "Shanxi",
        "太原 Taiyuan 351, 大同 Datong 352, 阳泉 Yangquan 353, 长治 Changzhi 355, 晋城 Jincheng 356, "
        "朔州 Shuozhou 349, 晋中 Jinzhong 354, 运城 Yuncheng 359, 忻州 Xinzhou 350, 临汾 Linfen 357, "
        "吕梁 Lüliang 358",
    ),
    "内蒙古": (
        "Inner Mongolia",
        "呼和浩特 Hohhot 471, 包头 Baotou 472, 乌海 Wuhai 473, 赤峰 Chifeng 476, 通辽 Tongliao 475, "
        "鄂尔多斯 Ordos 477, 呼伦贝尔 Hulunbuir 470, 巴彦淖尔 Bayannur 478, 乌兰察布 Ulanqab 474, 兴安 Hinggan 482, "
        "锡林郭勒 Xilingol 479, 阿拉善 Alxa 483",
    ),
    "辽宁": (
        "Liaoning",
        "沈阳 Shenyang 24, 大连 Dalian 411, 鞍山 Anshan 412, 抚顺 Fushun, 本溪 Benxi, 丹东 Dandong 415, "
        "锦州 Jinzhou 416, 营口 Yingkou 417, 阜新 Fuxin 418, 辽阳 Liaoyang 419, 盘锦 Panjin 427, 铁岭 Tieling, "
        "朝阳 Chaoyang 421, 葫芦岛 Huludao 429",
    ),
    "吉林": (
        "Jilin",
        "长春 Changchun 431, 吉林 Jilin 432, 四平 Siping 434, 辽源 Liaoyuan 437, 通化 Tonghua 435, "
        "白山 Baishan 439, 松原 Songyuan 438, 白城 Baicheng 436, 延边 Yanbian 433",
    ),
    "黑龙江": (
        "Heilongjiang",
        "哈尔滨 Harbin 451, 齐齐哈尔 Qiqihar 452, 鸡西 Jixi 467, 鹤岗 Hegang 468, 双鸭山 Shuangyashan 469, "
        "大庆 Daqing 459, 伊春 Yichun 458, 佳木斯 Jiamusi 454, 七台河 Qitaihe 464, 牡丹江 Mudanjiang 453, "
        "黑河 Heihe 456, 绥化 Suihua 455, 大兴安岭 Daxing'anling 457",
    ),
    "江苏": (
        "Jiangsu",
        "南京 Nanjing 25, 无锡 Wuxi 510, 徐州 Xuzhou 516, 常州 Changzhou 519, 苏州 Suzhou 512, 南通 Nantong 513, "
        "连云港 Lianyungang 518, 淮安 Huai'an 517, 盐城 Yancheng 515, 扬州 Yangzhou 514, 镇江 Zhenjiang 511, "
        "泰州 Taizhou 523, 宿迁 Suqian 527",
    ),
    "浙江": (
        "Zhejiang",
        "杭州 Hangzhou 571, 宁波 Ningbo 574, 温州 Wenzhou 577, 嘉兴 Jiaxing 573, 湖州 Huzhou 572, "
        "绍兴 Shaoxing 575, 金华 Jinhua 579, 衢州 Quzhou 570, 舟山 Zhoushan 580, 台州 Taizhou 576, 丽水 Lishui 578",
    ),
    "安徽": (
        "Anhui",
        "合肥 Hefei 551, 芜湖 Wuhu 553, 蚌埠 Bengbu 552, 淮南 Huainan 554, 马鞍山 Ma'anshan 555, 淮北 Huaibei 561, "
        "铜陵 Tongling 562, 安庆 Anqing 556, 黄山 Huangshan 559, 滁州 Chuzhou 550, 阜阳 Fuyang 558, "
        "宿州 Suzhou 557, 六安 Lu'an 564, 亳州 Bozhou, 池州 Chizhou 566, 宣城 Xuancheng 563",
    ),
    "福建": (
        "Fujian",
        "福州 Fuzhou 591, 厦门 Xiamen 592, 莆田 Putian 594, 三明 Sanming 598, 泉州 Quanzhou 595, "
        "漳州 Zhangzhou 596, 南平 Nanping 599, 龙岩 Longyan 597, 宁德 Ningde 593",
    ),
    "江西": (
        "Jiangxi",
        "南昌 Nanchang 791, 景德镇 Jingdezhen 798, 萍乡 Pingxiang 799, 九江 Jiujiang 792, 新余 Xinyu 790, "
        "鹰潭 Yingtan 701, 赣州 Ganzhou 797, 吉安 Ji'an 796, 宜春 Yichun 795, 抚州 Fuzhou 794, 上饶 Shangrao 793",
    ),
    "山东": (
        "Shandong",
        "济南 Jinan 531, 青岛 Qingdao 532, 淄博 Zibo 533, 枣庄 Zaozhuang 632, 东营 Dongying 546, 烟台 Yantai 535, "
        "潍坊 Weifang 536, 济宁 Jining 537, 泰安 Tai'an 538, 威海 Weihai 631, 日照 Rizhao 633, 临沂 Linyi 539, "
        "德州 Dezhou 534, 聊城 Liaocheng 635, 滨州 Binzhou 543, 菏泽 Heze 530",
    ),
    "河南": (
        "Henan",
        "郑州 Zhengzhou 371, 开封 Kaifeng, 洛阳 Luoyang 379, 平顶山 Pingdingshan 375, 安阳 Anyang 372, "
        "鹤壁 Hebi 392, 新乡 Xinxiang 373, 焦作 Jiaozuo 391, 濮阳 Puyang 393, 许昌 Xuchang 374, 漯河 Luohe 395, "
        "三门峡 Sanmenxia 398, 南阳 Nanyang 377, 商丘 Shangqiu 370, 信阳 Xinyang 376, 周口 Zhoukou 394, "
        "驻马店 Zhumadian 396, 济源 Jiyuan",
    ),
    "湖北": (
        "Hubei",
        "武汉 Wuhan 27, 黄石 Huangshi 714, 十堰 Shiyan 719, 宜昌 Yichang 717, 襄阳 Xiangyang 710, 鄂州 Ezhou 711, "
        "荆门 Jingmen 724, 孝感 Xiaogan 712, 荆州 Jingzhou 716, 黄冈 Huanggang 713, 咸宁 Xianning 715, "
        "随州 Suizhou 722, 恩施 Enshi 718, 仙桃 Xiantao, 潜江 Qianjiang, 天门 Tianmen, 神农架 Shennongjia",
    ),
    "湖南": (
        "Hunan",
        "长沙 Changsha 731, 株洲 Zhuzhou, 湘潭 Xiangtan, 衡阳 Hengyang 734, 邵阳 Shaoyang 739, 岳阳 Yueyang 730, "
        "常德 Changde 736, 张家界 Zhangjiajie 744, 益阳 Yiyang 737, 郴州 Chenzhou 735, 永州 Yongzhou 746, "
        "怀化 Huaihua 745, 娄底 Loudi 738, 湘西 Xiangxi 743",
    ),
    "广东": (
        "Guangdong",
        "广州 Guangzhou 20, 韶关 Shaoguan 751, 深圳 Shenzhen 755, 珠海 Zhuhai 756, 汕头 Shantou 754, 佛山 Foshan 757, "
        "江门 Jiangmen 750, 湛江 Zhanjiang 759, 茂名 Maoming 668, 肇庆 Zhaoqing 758, 惠州 Huizhou 752, "
        "梅州 Meizhou 753, 汕尾 Shanwei 660, 河源 Heyuan 762, 阳江 Yangjiang 662, 清远 Qingyuan 763, "
        "东莞 Dongguan 769, 中山 Zhongshan 760, 潮州 Chaozhou 768, 揭阳 Jieyang 663, 云浮 Yunfu 766",
    ),
    "广西": (
        "Guangxi",
        "南宁 Nanning 771, 柳州 Liuzhou 772, 桂林 Guilin 773, 梧州 Wuzhou 774, 北海 Beihai 779, "
        "防城港 Fangchenggang 770, 钦州 Qinzhou 777, 贵港 Guigang, 玉林 Yulin 775, 百色 Baise 776, 贺州 Hezhou, "
        "河池 Hechi 778, 来宾 Laibin, 崇左 Chongzuo",
    ),
    "海南": ("Hainan", "海口 Haikou 898, 三亚 Sanya, 三沙 Sansha, 儋州 Danzhou"),
    "四川": (
        "Sichuan",
        "成都 Chengdu 28, 自贡 Zigong 813, 攀枝花 Panzhihua 812, 泸州 Luzhou 830, 德阳 Deyang 838, 绵阳 Mianyang 816, "
        "广元 Guangyuan 839, 遂宁 Suining 825, 内江 Neijiang 832, 乐山 Leshan 833, 南充 Nanchong 817, 眉山 Meishan, "
        "宜宾 Yibin 831, 广安 Guang'an 826, 达州 Dazhou 818, 雅安 Ya'an 835, 巴中 Bazhong 827, 资阳 Ziyang, "
        "阿坝 Aba 837, 甘孜 Garzê 836, 凉山 Liangshan 834",
    ),
    "贵州": (
        "Guizhou",
        "贵阳 Guiyang 851, 六盘水 Liupanshui 858, 遵义 Zunyi, 安顺 Anshun, 毕节 Bijie 857, 铜仁 Tongren 856, "
        "黔西南 Qianxinan 859, 黔东南 Qiandongnan 855, 黔南 Qiannan 854",
    ),
    "云南": (
        "Yunnan",
        "昆明 Kunming 871, 曲靖 Qujing 874, 玉溪 Yuxi 877, 保山 Baoshan 875, 昭通 Zhaotong 870, 丽江 Lijiang 888, "
        "普洱 Pu'er 879, 临沧 Lincang 883, 楚雄 Chuxiong 878, 红河 Honghe 873, 文山 Wenshan 876, "
        "西双版纳 Xishuangbanna 691, 大理 Dali 872, 德宏 Dehong 692, 怒江 Nujiang 886, 迪庆 Diqing 887",
    ),
    "西藏": (
        "Tibet",
        "拉萨 Lhasa 891, 日喀则 Shigatse 892, 昌都 Chamdo 895, 林芝 Nyingchi 894, 山南 Shannan 893, "
        "那曲 Nagqu 896, 阿里 Ngari 897",
    ),
    "陕西": (
        "Shaanxi",
        "西安 Xi'an 29, 铜川 Tongchuan 919, 宝鸡 Baoji 917, 咸阳 Xianyang, 渭南 Weinan 913, 延安 Yan'an 911, "
        "汉中 Hanzhong 916, 榆林 Yulin 912, 安康 Ankang 915, 商洛 Shangluo 914",
    ),
    "甘肃": (
        "Gansu",
        "兰州 Lanzhou 931, 嘉峪关 Jiayuguan, 金昌 Jinchang, 白银 Baiyin 943, 天水 Tianshui 938, 武威 Wuwei 935, "
        "张掖 Zhangye 936, 平凉 Pingliang 933, 酒泉 Jiuquan 937, 庆阳 Qingyang 934, 定西 Dingxi 932, "
        "陇南 Longnan 939, 临夏 Linxia 930, 甘南 Gannan 941",
    ),
    "青海": (
        "Qinghai",
        "西宁 Xining 971, 海东 Haidong 972, 海北 Haibei 970, 黄南 Huangnan 973, 海南 Hainan 974, 果洛 Golog 975, "
        "玉树 Yushu 976, 海西 Haixi 977",
    ),
    "宁夏": (
        "Ningxia",
        "银川 Yinchuan 951, 石嘴山 Shizuishan 952, 吴忠 Wuzhong 953, 固原 Guyuan 954, 中卫 Zhongwei 955",
    ),
    "新疆": (
        "Xinjiang",
        "乌鲁木齐 Ürümqi 991, 克拉玛依 Karamay 990, 吐鲁番 Turpan 995, 哈密 Hami 902, 昌吉 Changji 994, "
        "博尔塔拉 Bortala 909, 巴音郭楞 Bayingolin 996, 阿克苏 Aksu 997, 克孜勒苏 Kizilsu 908, 喀什 Kashgar 998, "
        "和田 Hotan 903, 伊犁 Ili 999, 塔城 Tacheng 901, 阿勒泰 Altay 906, 石河子 Shihezi 993",
    ),
    "香港": ("Hong Kong", ""),
    "澳门": ("Macau", ""),
    "台湾": ("Taiwan", ""),
}
"""Province to its English name and its cities: Chinese name, English name, area code without the 0 where the
city is the one that code is named after. A municipality has its own code.
"""

MORE_CODES: Final[dict[str, str]] = {"979": "青海/海西", "992": "新疆/伊犁", "728": "湖北"}
"""Area codes of a part of a city, or of several cities of which none comes first."""

SHARED_CODES: Final[dict[str, dict[str, str]]] = {
    "24": {"4": "本溪", "5": "抚顺", "7": "铁岭"},
    "28": {"2": "资阳", "3": "眉山"},
    "29": {"3": "咸阳"},
    "371": {"2": "开封"},
    "391": {"6": "", "61": "焦作", "66": "济源", "68": "济源", "69": "济源"},
    "558": {"5": "亳州", "7": "亳州", "8": ""},
    "719": {"33": "神农架"},
    "728": {"3": "仙桃", "5": "天门", "6": "潜江"},
    "731": {"2": "株洲", "5": "湘潭"},
    "771": {"7": "崇左", "8": ""},
    "772": {"": "", "2": "柳州", "3": "柳州", "4": "来宾"},
    "774": {"": "", "2": "梧州", "3": "梧州", "5": "贺州"},
    "775": {"": "", "2": "玉林", "4": "贵港"},
    "851": {"2": "遵义", "3": "安顺"},
    "898": {"": "", "38": "三亚", "88": "三亚", "65": "海口", "66": "海口", "68": "海口", "23": "儋州"},
    "935": {"7": "金昌", "8": "金昌"},
    "937": {"6": "嘉峪关"},
}
"""Area code that several cities share to the cities by the first digits of the subscriber's number, the
longest that fits; an empty city: only the province is certain. What fits none is the city of `PLACES`.
"""

OTHER_NAMES: Final[dict[str, str]] = {
    "云南/思茅": "普洱",
    "内蒙古/临河": "巴彦淖尔",
    "内蒙古/乌兰浩特": "兴安",
    "内蒙古/兴安盟": "兴安",
    "内蒙古/海拉尔": "呼伦贝尔",
    "内蒙古/锡林浩特": "锡林郭勒",
    "内蒙古/锡林郭勒盟": "锡林郭勒",
    "内蒙古/阿拉善盟": "阿拉善",
    "内蒙古/集宁": "乌兰察布",
    "吉林/延吉": "延边",
    "吉林/珲春": "延边",
    "吉林/梅河口": "通化",
    "四川/西昌": "凉山",
    "安徽/巢湖": "合肥",
    "山东/莱芜": "济南",
    "新疆/克州": "克孜勒苏",
    "新疆/博乐": "博尔塔拉",
    "新疆/博州": "博尔塔拉",
    "新疆/奎屯": "伊犁",
    "新疆/巴州": "巴音郭楞",
    "新疆/库尔勒": "巴音郭楞",
    "河南/潢川": "信阳",
    "湖北/江汉": "",
    "湖南/吉首": "湘西",
    "贵州/兴义": "黔西南",
    "贵州/凯里": "黔东南",
    "贵州/都匀": "黔南",
    "陕西/商州": "商洛",
    "青海/共和": "海南",
    "青海/德令哈": "海西",
    "青海/格尔木": "海西",
    "青海/海晏": "海北",
}
"""Names of mobile ranges' homes that are parts or former names of a city; an empty one: only the province is
certain.
"""
